//! What a file means by `access`, `countries` and `block`.

use std::path::Path;

use crate::config::{
    Config, load_with,
    model::{
        Access, Block, Conditions, Countries, CountryList, Mode, Policies, Preset, Refused, Unknown,
    },
};

fn load_from(path: &Path) -> Config {
    let loaded = load_with(path, &|_| None).unwrap_or_else(|report| panic!("\n{report}"));
    assert!(loaded.warnings.is_empty(), "\n{}", loaded.warnings);
    loaded.config
}

/// The policies of the only route, with these lines under `defaults` and in the route.
fn policies(of_defaults: &str, of_route: &str) -> Policies {
    let text = format!(
        "listeners: {{ http: {{ bind: ':8080' }} }}\ncountry_database: countries.mmdb\n\
         upstreams: {{ app: {{ servers: [127.0.0.1:3000] }} }}\n\
         defaults: {{ {of_defaults} }}\nroutes: [{{ upstream: app, {of_route} }}]\n"
    );
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.yaml");
    std::fs::write(&path, text).unwrap();
    let config = load_from(&path);
    let database = config.country_database.as_ref().unwrap();
    assert_eq!(database.value, directory.path().join("countries.mmdb"));
    config.routes[0].policies.clone()
}

#[test]
fn access_is_two_lists_and_their_files() {
    let access = |of_defaults: &str, of_route: &str| policies(of_defaults, of_route).access;
    let some = "access: { allow: 10.0.0.0/8, deny: [10.1.0.0/16, '::1'], deny_file: a.txt, mode: observe }";
    let Access {
        allow,
        deny,
        allow_files,
        deny_files,
        mode,
    } = &*access(some, "").unwrap();
    assert_eq!(allow[..], ["10.0.0.0/8".parse().unwrap()]);
    let denied = ["10.1.0.0/16", "::1/128"].map(|network| network.parse().unwrap());
    assert_eq!(deny[..], denied);
    assert!(allow_files.is_empty() && *mode == Mode::Observe);
    assert!(deny_files[0].value.is_absolute() && deny_files[0].value.ends_with("a.txt"));

    let files = access("", "access: { allow_file: [a.txt, b.txt] }").unwrap();
    assert_eq!((files.allow_files.len(), files.mode), (2, Mode::Enforce));
    assert_eq!(access(some, "access: false"), None);
    assert_eq!(access("", ""), None);
    assert!(access(some, "access: {}").unwrap().deny.is_empty());
}

#[test]
fn countries_are_allowed_or_denied_and_the_unknown_follows() {
    let read = |text: &str| -> Countries {
        let countries = policies("", &format!("countries: {text}")).countries;
        countries.unwrap().as_ref().clone()
    };
    for (text, unknown) in [
        ("{ allow: [CH, NO] }", Unknown::Private),
        ("{ deny: RU }", Unknown::Allow),
        ("{ allow: [CH], unknown: allow }", Unknown::Allow),
        ("{ allow: [CH], unknown: deny }", Unknown::Deny),
        ("{ deny: [RU], unknown: private }", Unknown::Private),
        ("{ deny: [RU], unknown: deny }", Unknown::Deny),
    ] {
        assert_eq!(read(text).unknown, unknown, "{text}");
    }
    let CountryList::Allow(allowed) = read("{ allow: [CH, NO], mode: observe }").list else {
        panic!("a list to allow");
    };
    assert_eq!(format!("{allowed:?}"), "[CH, NO]");
    assert!(
        policies("countries: { deny: RU }", "countries: false")
            .countries
            .is_none()
    );
}

#[test]
fn block_is_presets_and_rules_in_their_order() {
    let block = |text: &str| policies(text, "").block;
    for none in ["block: false", "block: []", "", "block:"] {
        assert!(block(none).is_none(), "{none}");
    }
    assert!(policies("block: [bots]", "block: false").block.is_none());
    assert_eq!(block("block: bots").unwrap().rules.len(), 1);
    let all = block(
        "block: [bots, { preset: common_probes, mode: observe }, \
         { path: /a, method: POST, header: X-Bad, user_agent: evil, query: x }, \
         { header: { name: x-bad, value: 'on' }, mode: observe }]",
    );
    let Block { rules } = &*all.unwrap();
    let modes: Vec<_> = rules
        .iter()
        .map(|rule| rule.mode == Mode::Observe)
        .collect();
    assert_eq!(modes, [false, true, false, true]);
    assert!(matches!(rules[0].refuses, Refused::Preset(Preset::Bots)));
    assert!(matches!(
        rules[1].refuses,
        Refused::Preset(Preset::CommonProbes)
    ));
    let Refused::Requests(Conditions {
        path: Some(_),
        query: Some(_),
        methods: Some(methods),
        header: Some(header),
        user_agent: Some(_),
    }) = &rules[2].refuses
    else {
        panic!("{:?}", rules[2]);
    };
    assert_eq!(methods.to_string(), "POST");
    assert!(header.name == "x-bad" && header.value.is_none());
}

/// Comments in the annotated example, as it comes without such files.
#[test]
fn what_the_annotated_example_says_of_countries_and_lists_is_good() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../conf/simplon.yaml");
    let mut text = std::fs::read_to_string(example).unwrap();
    for (comment, line) in [
        ("# country_database:", "country_database:"),
        ("    # allow_file:", "    allow_file:"),
        ("    # deny_file:", "    deny_file:"),
        ("  # countries: ", "  countries: "),
        ("  #   allow: [CH", "    allow: [CH"),
        ("  #   unknown: ", "    unknown: "),
        ("  #   mode: ", "    mode: "),
    ] {
        assert_eq!(text.matches(comment).count(), 1, "{comment}");
        text = text.replace(comment, line);
    }
    let copy = tempfile::tempdir().unwrap();
    let path = copy.path().join("simplon.yaml");
    std::fs::write(&path, text).unwrap();
    let config = load_from(&path);
    let Policies {
        access,
        countries,
        block,
        ..
    } = &config.routes[0].policies;
    let access = access.as_ref().unwrap();
    assert_eq!((access.allow_files.len(), access.deny_files.len()), (1, 1));
    assert!(
        matches!(&countries.as_ref().unwrap().list, CountryList::Allow(five) if five.len() == 5)
    );
    assert_eq!(block.as_ref().unwrap().rules.len(), 3);
}
