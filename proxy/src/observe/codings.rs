//! What was compressed for clients, and what was not.

use prometheus::{Error, IntCounter};

use super::{families::Maker, reasons::Reasons};

/// Names of content codings, as in `Content-Encoding`.
const CODINGS: [&str; 3] = ["br", "zstd", "gzip"];
/// Why a response that a client takes compressed goes as it is.
const REASONS: [&str; 4] = ["load", "streams", "no_gain", "broken"];

#[derive(Debug)]
pub struct CodingMeters {
    codings: [OfCoding; CODINGS.len()],
    skipped: Reasons,
}

#[derive(Debug)]
struct OfCoding {
    responses: IntCounter,
    taken: IntCounter,
    given: IntCounter,
}

impl CodingMeters {
    pub(super) fn new(maker: &Maker<'_>) -> Result<Self, Error> {
        let responses = maker.counters(
            "simplon_compressed_responses_total",
            "Responses that were compressed, by content coding.",
            &["coding"],
        )?;
        let taken = maker.counters(
            "simplon_compressed_bytes_in_total",
            "Bytes of bodies before compression, by content coding.",
            &["coding"],
        )?;
        let given = maker.counters(
            "simplon_compressed_bytes_out_total",
            "Bytes of bodies after compression, by content coding.",
            &["coding"],
        )?;
        let skipped = maker.counters(
            "simplon_compression_skipped_total",
            "Responses that went as they are although the client would have taken them compressed, by reason.",
            &["reason"],
        )?;
        Ok(Self {
            codings: CODINGS.map(|coding| OfCoding {
                responses: responses.with_label_values(&[coding]),
                taken: taken.with_label_values(&[coding]),
                given: given.with_label_values(&[coding]),
            }),
            skipped: Reasons::new(&REASONS, |reason| skipped.with_label_values(&[reason])),
        })
    }

    /// Counts a response in this coding, and the bytes of its body before and after.
    pub fn compressed(&self, coding: &str, taken: u64, given: u64) {
        let known = CODINGS.iter().position(|known| *known == coding);
        if let Some(meters) = known.and_then(|at| self.codings.get(at)) {
            meters.responses.inc();
            meters.taken.inc_by(taken);
            meters.given.inc_by(given);
        }
    }

    /// Counts a response that could have been compressed and was not.
    pub fn skipped(&self, reason: &str) {
        self.skipped.count(reason);
    }
}

#[cfg(test)]
mod tests {
    use prometheus::Registry;

    use super::*;

    #[test]
    fn each_coding_and_each_reason_is_counted_by_itself() {
        let registry = Registry::new();
        let meters = CodingMeters::new(&Maker(&registry)).unwrap();
        for coding in ["br", "br", "gzip", "deflate"] {
            meters.compressed(coding, 1000, 200);
        }
        meters.skipped("load");
        let text = prometheus::TextEncoder::new()
            .encode_to_string(&registry.gather())
            .unwrap();
        for line in [
            "simplon_compressed_responses_total{coding=\"br\"} 2",
            "simplon_compressed_bytes_in_total{coding=\"br\"} 2000",
            "simplon_compressed_bytes_out_total{coding=\"gzip\"} 200",
            "simplon_compressed_responses_total{coding=\"zstd\"} 0",
            "simplon_compression_skipped_total{reason=\"load\"} 1",
            "simplon_compression_skipped_total{reason=\"streams\"} 0",
        ] {
            assert!(text.contains(line), "{line} in\n{text}");
        }
    }
}
