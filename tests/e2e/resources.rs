//! The proxy when the machine gives out: descriptors, memory, the disk, the clock; and faults of our own.

mod addresses;
mod clock;
mod descriptors;
mod disk;
mod idle;
mod memory;
mod panics;
