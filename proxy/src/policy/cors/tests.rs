//! CORS, as tables.
