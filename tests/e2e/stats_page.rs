//! The stats page as a browser shows it: Chromium looks at a real edge while things happen to its servers.

mod looks;
mod news;
mod stage;
