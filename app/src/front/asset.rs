//! The files of the front end, embedded in the binary with their precompressed variants.

use super::negotiate::Encoding;

/// One file, addressed by its exact path.
#[derive(Debug)]
pub struct Asset {
    /// Starts with a slash, as in a request.
    pub path: &'static str,
    pub content_type: &'static str,
    /// The name carries a hash of the content, so what is cached under it never grows stale.
    pub is_immutable: bool,
    pub identity: Representation,
    pub brotli: Option<Representation>,
    pub zstd: Option<Representation>,
    pub gzip: Option<Representation>,
}

/// The bytes of a file in one coding.
#[derive(Debug)]
pub struct Representation {
    pub bytes: &'static [u8],
    /// A strong entity tag with its quotes: a hash of these very bytes.
    pub etag: &'static str,
}

impl Asset {
    /// The page every address of the single-page application answers with.
    pub const INDEX: &'static str = "/index.html";

    /// A map is all there is to ask, so no path can lead out of the front end.
    pub fn find(path: &str) -> Option<&'static Self> {
        let at = ASSETS.binary_search_by(|asset| asset.path.cmp(path)).ok()?;
        ASSETS.get(at)
    }

    pub fn representation(&self, encoding: Encoding) -> Option<&Representation> {
        match encoding {
            Encoding::Brotli => self.brotli.as_ref(),
            Encoding::Zstd => self.zstd.as_ref(),
            Encoding::Gzip => self.gzip.as_ref(),
            Encoding::Identity => Some(&self.identity),
        }
    }
}

// `ASSETS: &[Asset]`, ordered by path; written by the build script from `app/front`.
include!(concat!(env!("OUT_DIR"), "/assets.rs"));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_asset_is_found_by_its_path() {
        for asset in ASSETS {
            assert!(
                std::ptr::eq(Asset::find(asset.path).unwrap(), asset),
                "{}",
                asset.path
            );
        }
        assert!(Asset::find(Asset::INDEX).is_some());
    }

    #[test]
    fn a_variant_is_kept_only_if_it_is_smaller() {
        for asset in ASSETS {
            for encoding in [Encoding::Brotli, Encoding::Zstd, Encoding::Gzip] {
                if let Some(variant) = asset.representation(encoding) {
                    assert!(
                        variant.bytes.len() < asset.identity.bytes.len(),
                        "{} {encoding:?}",
                        asset.path
                    );
                }
            }
        }
    }

    #[test]
    fn no_two_representations_share_an_entity_tag() {
        let mut tags: Vec<_> = ASSETS
            .iter()
            .flat_map(|asset| Encoding::ALL.map(|encoding| asset.representation(encoding)))
            .flatten()
            .map(|representation| representation.etag)
            .collect();
        let all = tags.len();
        tags.sort_unstable();
        tags.dedup();
        assert_eq!(tags.len(), all);
    }

    #[test]
    fn only_the_page_has_a_name_without_a_hash() {
        let plain: Vec<_> = ASSETS
            .iter()
            .filter(|asset| !asset.is_immutable)
            .map(|asset| asset.path)
            .collect();
        assert_eq!(plain, [Asset::INDEX]);
    }

    #[test]
    fn the_page_names_every_other_asset() {
        let page = std::str::from_utf8(Asset::find(Asset::INDEX).unwrap().identity.bytes).unwrap();
        for asset in ASSETS.iter().filter(|asset| asset.is_immutable) {
            assert!(page.contains(asset.path), "{}", asset.path);
        }
    }
}
