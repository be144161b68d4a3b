//! What `flate2` needs of zlib-ng, from zlib-rs.
//!
//! Pingora turns on flate2's `zlib-ng` feature, whose crate builds C code with cmake. zlib-rs has the
//! same interface, is written in Rust, and is about as fast. The one difference is in the type of
//! [`z_stream`]: there the two allocators may be absent, here they are always set, as in zlib-ng.
#![allow(
    non_camel_case_types,
    non_snake_case,
    reason = "the names are those of the C interface"
)]

use std::ffi::{c_char, c_int, c_uint, c_ulong, c_void};

pub use libz_rs_sys::{
    Z_BLOCK, Z_BUF_ERROR, Z_DATA_ERROR, Z_DEFAULT_STRATEGY, Z_DEFLATED, Z_FINISH, Z_FULL_FLUSH,
    Z_MEM_ERROR, Z_NEED_DICT, Z_NO_FLUSH, Z_OK, Z_PARTIAL_FLUSH, Z_STREAM_END, Z_STREAM_ERROR,
    Z_SYNC_FLUSH, internal_state, uInt, uLong, zlibVersion,
};

/// The state a codec shares with its caller; field for field that of zlib-rs.
#[repr(C)]
pub struct z_stream {
    pub next_in: *mut u8,
    pub avail_in: c_uint,
    pub total_in: c_ulong,
    pub next_out: *mut u8,
    pub avail_out: c_uint,
    pub total_out: c_ulong,
    pub msg: *mut c_char,
    pub state: *mut internal_state,
    /// A plain function pointer has the layout of an `Option` of one that is set.
    pub zalloc: extern "C" fn(*mut c_void, c_uint, c_uint) -> *mut c_void,
    pub zfree: extern "C" fn(*mut c_void, *mut c_void),
    pub opaque: *mut c_void,
    pub data_type: c_int,
    pub adler: c_ulong,
    pub reserved: c_ulong,
}

const _: () = assert!(size_of::<z_stream>() == size_of::<libz_rs_sys::z_stream>());

/// Declares a function of the interface that hands its stream on to zlib-rs.
macro_rules! pass_on {
    ($($name:ident($($arg:ident: $type:ty),*);)*) => {$(
        /// See the function of this name in zlib's manual.
        ///
        /// # Safety
        ///
        /// As the function of this name in zlib-rs: `strm` is valid and initialised.
        pub unsafe extern "C" fn $name(strm: *mut z_stream, $($arg: $type),*) -> c_int {
            // SAFETY: the two streams have one layout, and the caller vouches for the pointer.
            unsafe { libz_rs_sys::$name(strm.cast(), $($arg),*) }
        }
    )*};
}

pass_on! {
    deflate(flush: c_int);
    deflateEnd();
    deflateInit2_(level: c_int, method: c_int, window_bits: c_int, mem_level: c_int, strategy: c_int, version: *const c_char, size: c_int);
    deflateParams(level: c_int, strategy: c_int);
    deflateReset();
    deflateSetDictionary(dictionary: *const u8, length: c_uint);
    inflate(flush: c_int);
    inflateEnd();
    inflateInit2_(window_bits: c_int, version: *const c_char, size: c_int);
    inflateReset2(window_bits: c_int);
    inflateSetDictionary(dictionary: *const u8, length: c_uint);
}
