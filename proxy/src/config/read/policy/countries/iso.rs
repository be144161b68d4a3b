//! The codes of countries: ISO 3166-1 alpha-2, and `XK` for Kosovo, which has none there but in every database.

/// In the order of the alphabet.
const CODES: &str = "\
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ \
    CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO \
    FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE \
    JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO \
    MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW \
    PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM \
    TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW";

pub(super) fn is_code(word: &str) -> bool {
    CODES.split(' ').any(|code| code == word)
}

/// What was meant by a code that many take for one.
pub(super) fn instead_of(word: &str) -> Option<&'static str> {
    match word {
        "UK" => Some("GB"),
        "EL" => Some("GR"),
        "SF" => Some("FI"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_country_has_one_code() {
        let all: Vec<_> = CODES.split(' ').collect();
        assert_eq!(all.len(), 250);
        assert!(all.is_sorted_by(|a, b| a < b));
        assert!(all.iter().all(|code| code.len() == 2));
        for (word, expected) in [
            ("CH", true),
            ("NO", true),
            ("XK", true),
            ("UK", false),
            ("ch", false),
            ("", false),
        ] {
            assert_eq!(is_code(word), expected, "{word}");
        }
        for (wrong, right) in [("UK", Some("GB")), ("EL", Some("GR")), ("CH", None)] {
            assert_eq!(instead_of(wrong), right);
            assert!(right.is_none_or(is_code));
        }
    }
}
