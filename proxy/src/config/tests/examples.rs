//! Every example under `conf/` is good.

use std::path::Path;

use crate::config;

#[test]
fn every_example_loads_without_a_warning() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../conf");
    let mut examples = 0;
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_some_and(|extension| extension == "yaml")
        {
            let loaded = config::load_with(&path, &|_| None).unwrap_or_else(|e| panic!("\n{e}"));
            assert!(loaded.warnings.is_empty(), "\n{}", loaded.warnings);
            examples += 1;
        }
    }
    assert!(examples >= 5);
}
