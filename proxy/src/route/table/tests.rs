//! Cases of the route table, and its agreement with a model that is slow and obvious.

use proptest::prelude::*;

use super::*;

/// A route as tests write it: hosts, path (`=` before an exact one), methods (empty for any).
#[derive(Clone, Debug)]
struct Written {
    hosts: Vec<HostPattern>,
    path: PathPattern,
    methods: Option<Methods>,
}

fn written(hosts: &str, path: &str, methods: &str) -> Written {
    let host = |text: &str| match text.strip_prefix("*.") {
        Some(suffix) => HostPattern::Suffix(suffix.into()),
        None => HostPattern::Exact(text.into()),
    };
    let methods: Vec<Method> = methods
        .split_whitespace()
        .map(|name| name.parse().unwrap())
        .collect();
    Written {
        hosts: hosts.split_whitespace().map(host).collect(),
        path: match path.strip_prefix('=') {
            Some(path) => PathPattern::Exact(path.into()),
            None => PathPattern::Prefix(path.into()),
        },
        methods: (!methods.is_empty()).then(|| Methods::try_from(methods.as_slice()).unwrap()),
    }
}

/// The table whose values are the routes' places in the list.
fn table(routes: &[Written]) -> RouteTable<usize> {
    routes
        .iter()
        .enumerate()
        .map(|(at, route)| (route.hosts.as_slice(), &route.path, route.methods, at))
        .collect()
}

/// The answer as text: the route's name, `405 …` or `404`.
fn answer(table: &RouteTable<usize>, names: &[&str], request: &str) -> String {
    let words: Vec<&str> = request.split(' ').collect();
    let [method, host, path] = words.as_slice() else {
        panic!("a request is written METHOD HOST PATH: {request}");
    };
    match table.find(host, path, &method.parse().unwrap()) {
        Found::Route(at) => names[*at].to_owned(),
        Found::MethodNotAllowed(methods) => format!("405 {methods}"),
        Found::None => "404".to_owned(),
    }
}

#[test]
fn the_most_specific_route_wins_in_whatever_order_routes_stand() {
    let mut routes = vec![
        ("any", written("", "/", "")),
        ("any-old", written("", "=/old", "")),
        ("any-health", written("", "/health", "GET")),
        ("site", written("example.ch www.example.ch", "/", "")),
        ("api", written("example.ch", "/api", "GET POST")),
        ("api-delete", written("example.ch", "/api", "DELETE")),
        ("api-v2", written("example.ch", "/api/v2", "GET")),
        ("api-root", written("example.ch", "=/api", "GET")),
        ("api-slash", written("example.ch", "=/api/", "PUT")),
        ("sub", written("*.example.ch", "/", "")),
        ("sub-a", written("*.a.example.ch", "/x", "")),
        ("lean", written("lean.test", "/only", "")),
        ("wide", written("*.lean.test", "/only", "")),
        ("mixed-any", written("mixed.test", "/", "")),
        ("mixed-get", written("mixed.test", "/", "GET")),
        ("v6", written("[::1]", "/", "")),
    ];
    for _ in 0..routes.len() {
        routes.rotate_left(1);
        let (names, list): (Vec<&str>, Vec<Written>) = routes.iter().cloned().unzip();
        let table = table(&list);
        for (request, expected) in CASES {
            assert_eq!(answer(&table, &names, request), *expected, "{request}");
        }
    }
}

const CASES: &[(&str, &str)] = &[
    // hosts
    ("GET example.ch /", "site"),
    ("GET www.example.ch /x", "site"),
    ("GET b.example.ch /", "sub"),
    ("GET c.b.example.ch /", "sub"),
    ("GET b.a.example.ch /x", "sub-a"),
    ("GET c.b.a.example.ch /x/y", "sub-a"),
    ("GET b.a.example.ch /", "sub"),
    ("GET a.example.ch /x", "sub"),
    ("GET badexample.ch /", "any"),
    ("GET .example.ch /", "any"),
    ("GET ch /", "any"),
    ("GET other.test /", "any"),
    ("GET [::1] /", "v6"),
    ("GET [::2] /", "any"),
    // a host without the path asks the next less specific one
    ("GET lean.test /only", "lean"),
    ("GET lean.test /other", "any"),
    ("GET a.lean.test /only/x", "wide"),
    ("GET a.lean.test /health", "any-health"),
    ("GET example.ch /old", "site"),
    // paths
    ("GET example.ch /apix", "site"),
    ("GET example.ch /api", "api-root"),
    ("GET example.ch /api/x", "api"),
    ("GET example.ch /api/v2", "api-v2"),
    ("GET example.ch /api/v2/x/y", "api-v2"),
    ("GET example.ch /api/v22", "api"),
    ("GET example.ch /API", "site"),
    ("GET other.test /old", "any-old"),
    ("GET other.test /old/", "any"),
    ("GET other.test /old/x", "any"),
    ("GET other.test /health/live", "any-health"),
    // methods, within the most specific pair alone
    ("HEAD example.ch /api", "api-root"),
    ("POST example.ch /api", "405 GET, HEAD"),
    ("PUT example.ch /api/", "api-slash"),
    ("GET example.ch /api/", "405 PUT"),
    ("DELETE example.ch /api/x", "api-delete"),
    ("PUT example.ch /api/x", "405 GET, HEAD, POST, DELETE"),
    ("DELETE example.ch /api/v2", "405 GET, HEAD"),
    ("POST other.test /health", "405 GET, HEAD"),
    ("BREW other.test /", "any"),
    ("GET mixed.test /", "mixed-get"),
    ("POST mixed.test /", "mixed-any"),
    // what is not a path in normal form meets no prefix
    ("OPTIONS example.ch *", "404"),
];

#[test]
fn a_request_that_no_route_fits_is_not_found() {
    let empty = table(&[]);
    assert_eq!(answer(&empty, &[], "GET example.ch /"), "404");
    let table = table(&[written("example.ch", "/api", "")]);
    assert_eq!(answer(&table, &["api"], "GET example.ch /"), "404");
    assert_eq!(answer(&table, &["api"], "GET www.example.ch /api"), "404");
}

#[test]
fn connect_is_not_allowed_even_where_any_method_is() {
    let table = table(&[written("", "/", "")]);
    let Found::MethodNotAllowed(allowed) = table.find("example.ch", "/", &Method::CONNECT) else {
        panic!("CONNECT found a route");
    };
    assert_eq!(allowed, Methods::any());
}

#[test]
fn of_two_equal_routes_the_first_wins() {
    for methods in ["", "GET"] {
        let route = written("example.ch", "/", methods);
        let table = table(&[route.clone(), route]);
        assert_eq!(answer(&table, &["a", "b"], "GET example.ch /"), "a");
    }
}

/// Asks every route, keeps those that match host and path, and sorts them by specificity.
fn naive<'a>(
    routes: &[Written],
    values: &'a [usize],
    (host, path, method): (&str, &str, &Method),
) -> Found<'a, usize> {
    let mut fitting = Vec::new();
    for (at, route) in routes.iter().enumerate() {
        let host_rank = if route.hosts.is_empty() {
            Some((0, 0))
        } else {
            let ranks = route.hosts.iter().filter_map(|p| host_rank(p, host));
            ranks.max()
        };
        if let (Some(host_rank), Some(path_rank)) = (host_rank, path_rank(&route.path, path)) {
            fitting.push(((host_rank, path_rank), at, route.methods));
        }
    }
    let Some(best) = fitting.iter().map(|(rank, ..)| *rank).max() else {
        return Found::None;
    };
    fitting.retain(|(rank, ..)| *rank == best);
    fitting.sort_by_key(|(_, at, methods)| (methods.is_none(), *at));
    let methods = |set: &Option<Methods>| set.unwrap_or(Methods::any());
    match fitting
        .iter()
        .find(|(.., set)| methods(set).contains(method))
    {
        Some((_, at, _)) => Found::Route(&values[*at]),
        None => Found::MethodNotAllowed(
            fitting
                .iter()
                .fold(Methods::none(), |all, (.., set)| all.union(methods(set))),
        ),
    }
}

fn host_rank(pattern: &HostPattern, host: &str) -> Option<(u8, usize)> {
    match pattern {
        HostPattern::Exact(name) => (name == host).then_some((2, 0)),
        HostPattern::Suffix(name) => {
            let labels = host.strip_suffix(name)?.strip_suffix('.')?;
            (!labels.is_empty()).then_some((1, name.len()))
        }
    }
}

fn path_rank(pattern: &PathPattern, path: &str) -> Option<(u8, usize)> {
    match pattern {
        PathPattern::Exact(exact) => (exact == path).then_some((1, 0)),
        PathPattern::Prefix(prefix) => {
            let below = path.strip_prefix(prefix.trim_end_matches('/'))?;
            (below.is_empty() || below.starts_with('/')).then_some((0, prefix.len()))
        }
    }
}

/// Few and alike, so that random routes and requests meet often.
const HOSTS: [&str; 6] = ["a.ch", "b.a.ch", "c.b.a.ch", "ch", "xa.ch", ""];
const PATHS: [&str; 8] = ["/", "/a", "/a/", "/a/b", "/ab", "/a/b/c", "/a/b/c/d", "/b"];
const METHODS: [&str; 5] = ["GET", "HEAD", "POST", "DELETE", "BREW"];

fn any_route() -> impl Strategy<Value = Written> {
    let host = prop_oneof![
        prop::sample::select(&HOSTS[..5]).prop_map(str::to_owned),
        prop::sample::select(&HOSTS[..4]).prop_map(|suffix| format!("*.{suffix}")),
    ];
    let hosts = prop::collection::vec(host, 0..3).prop_map(|hosts| hosts.join(" "));
    let prefix = prop::sample::select(&PATHS[..]).prop_map(|path| match path {
        "/" => "/".to_owned(),
        path => path.trim_end_matches('/').to_owned(),
    });
    let exact = prop::sample::select(&PATHS[..]).prop_map(|path| format!("={path}"));
    let methods = prop::sample::select(vec!["", "", "GET", "POST", "GET DELETE", "HEAD"]);
    (hosts, prop_oneof![prefix, exact], methods)
        .prop_map(|(hosts, path, methods)| written(&hosts, &path, methods))
}

proptest! {
    #[test]
    fn the_table_agrees_with_a_sort_by_specificity(
        routes in prop::collection::vec(any_route(), 0..12),
        requests in prop::collection::vec(
            (0..HOSTS.len(), 0..PATHS.len(), 0..METHODS.len()), 1..20),
    ) {
        let table = table(&routes);
        let values: Vec<usize> = (0..routes.len()).collect();
        for (host, path, method) in requests {
            let method = METHODS[method].parse().unwrap();
            let request = (HOSTS[host], PATHS[path], &method);
            prop_assert_eq!(
                table.find(request.0, request.1, &method),
                naive(&routes, &values, request),
                "{:?}", request
            );
        }
    }
}
