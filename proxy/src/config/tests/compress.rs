//! What is compressed, and how, unless a file says otherwise.

use super::defaults::{LEAST, load};
use crate::{
    config::{
        model::{Compress, Levels, MediaRange},
        units::ByteSize,
    },
    policy::Coding,
};

#[test]
fn compression_has_the_documented_defaults_and_every_key_changes_one() {
    let compress = |written: &str| {
        let text = LEAST.replace("app }]", &format!("app, compress: {written} }}]"));
        load(&text).routes[0].policies.compress.as_deref().cloned()
    };
    let default = compress("true").unwrap();
    assert_eq!(default, Compress::default());
    assert_eq!(compress("{}"), Some(default.clone()));
    assert_eq!(compress("false"), None);
    assert_eq!(
        *default.encodings,
        [Coding::Brotli, Coding::Zstd, Coding::Gzip]
    );
    assert_eq!(
        (default.min_size, default.whole_up_to),
        (ByteSize::kib(1), ByteSize::kib(256))
    );
    let Levels { br, zstd, gzip } = default.levels;
    assert_eq!((br, zstd, gzip), (4, 3, 5));
    assert_eq!(
        (default.cookies, default.streams, default.cpu_guard),
        (false, 256, true)
    );
    let other = compress(
        "{ encodings: [gzip, br], min_size: 0, whole_up_to: 4MiB, levels: { br: 11, gzip: 1 }, \
         types: [text/html, +json, image/*], cookies: true, streams: 0, cpu_guard: false }",
    );
    let expected = Compress {
        encodings: [Coding::Gzip, Coding::Brotli].into(),
        min_size: ByteSize::bytes(0),
        whole_up_to: ByteSize::mib(4),
        levels: Levels {
            br: 11,
            zstd: 3,
            gzip: 1,
        },
        types: [
            MediaRange::Type("text/html".into()),
            MediaRange::Suffix("+json".into()),
            MediaRange::Below("image/".into()),
        ]
        .into(),
        cookies: true,
        streams: 0,
        cpu_guard: false,
    };
    assert_eq!(other, Some(expected));
}
