//! What compression does, case by case.

mod cases;
mod codecs;
mod fields;
