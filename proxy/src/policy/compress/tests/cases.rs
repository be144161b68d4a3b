//! Who gets what: one row a case.
