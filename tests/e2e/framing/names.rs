//! Names that lie: fields that some servers take for others, and hosts and paths in more than one spelling.
