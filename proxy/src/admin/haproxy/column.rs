//! `HAProxy`'s columns in its order, which consumers rely on: those of 2.6, then those that 3.x appended.
//!
//! The one list of them, with what each means with us; `mod.rs` says more where that is not `HAProxy`'s meaning to the letter.

use serde::Serialize;

use super::row::Object;

/// How `HAProxy` writes a value's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) enum Kind {
    #[serde(rename = "str")]
    Text,
    #[serde(rename = "s32")]
    S32,
    #[serde(rename = "u32")]
    U32,
    #[serde(rename = "u64")]
    U64,
}

/// Where a value comes from, what it is like, and how far it reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Tags {
    origin: &'static str,
    nature: &'static str,
    scope: &'static str,
}

impl Tags {
    const fn new(origin: &'static str, nature: &'static str, scope: &'static str) -> Self {
        Self {
            origin,
            nature,
            scope,
        }
    }
}

const KEY: Tags = Tags::new("Key", "Gauge", "Process");
const KEY_OF_SERVICE: Tags = Tags::new("Key", "Gauge", "Service");
const KEY_NAME: Tags = Tags::new("Key", "Name", "Service");
const CONFIG: Tags = Tags::new("Config", "Gauge", "Service");
const CONFIG_NAME: Tags = Tags::new("Config", "Name", "Service");
const LIMIT: Tags = Tags::new("Config", "Limit", "Process");
const STATUS: Tags = Tags::new("Status", "Gauge", "Process");
const GAUGE: Tags = Tags::new("Metric", "Gauge", "Process");
const MOST: Tags = Tags::new("Metric", "Max", "Process");
const COUNTER: Tags = Tags::new("Metric", "Counter", "Process");
const RATE: Tags = Tags::new("Metric", "Rate", "Process");
const AVERAGE: Tags = Tags::new("Metric", "Avg", "Process");
const AGE: Tags = Tags::new("Metric", "Age", "Process");
const DURATION: Tags = Tags::new("Metric", "Duration", "Process");
const OUTPUT: Tags = Tags::new("Metric", "Output", "Process");

macro_rules! columns {
    ($($column:ident: $name:literal, $kind:ident, $tags:ident, $help:literal;)*) => {
        /// One column; its number is its place.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Column {
            $(#[doc = $help] $column),*
        }

        impl Column {
            pub(super) const ALL: &[Self] = &[$(Self::$column),*];

            /// As the head of a table names it.
            pub(super) const fn name(self) -> &'static str {
                match self {
                    $(Self::$column => $name),*
                }
            }

            pub(super) const fn kind(self) -> Kind {
                match self {
                    $(Self::$column => Kind::$kind),*
                }
            }

            /// What it is with us, as one sentence.
            pub(super) const fn help(self) -> &'static str {
                match self {
                    $(Self::$column => $help),*
                }
            }

            const fn common_tags(self) -> Tags {
                match self {
                    $(Self::$column => $tags),*
                }
            }
        }
    };
}

columns! {
    Pxname: "pxname", Text, KEY_NAME, "The listener or upstream.";
    Svname: "svname", Text, KEY_NAME, "FRONTEND, BACKEND or the server.";
    Qcur: "qcur", U32, GAUGE, "Requests that wait for a place just now.";
    Qmax: "qmax", U32, MOST, "The most requests that ever waited at a time.";
    Scur: "scur", U32, GAUGE, "Sessions just now: connections of a listener, requests of an upstream or server.";
    Smax: "smax", U32, MOST, "The most sessions there ever were at a time.";
    Slim: "slim", U32, LIMIT, "The most sessions there may be at a time.";
    Stot: "stot", U64, COUNTER, "Sessions so far: connections of a listener, requests of an upstream, picks of a server.";
    Bin: "bin", U64, COUNTER, "Bytes of requests' bodies so far.";
    Bout: "bout", U64, COUNTER, "Bytes of responses' bodies so far.";
    Dreq: "dreq", U64, COUNTER, "Requests that a policy refused so far.";
    Dresp: "dresp", U64, COUNTER, "Responses that a policy refused so far; there is none that does.";
    Ereq: "ereq", U64, COUNTER, "Requests so far that were none that could be served, or came too slowly.";
    Econ: "econ", U64, COUNTER, "Requests so far for which no connection to a server was made.";
    Eresp: "eresp", U64, COUNTER, "Requests so far whose response was none, came too late, broke off or broke the protocol.";
    Wretr: "wretr", U64, COUNTER, "Requests sent again so far.";
    Wredis: "wredis", U64, COUNTER, "Requests sent to another server so far, as all that are sent again.";
    Status: "status", Text, STATUS, "The state of the listener, upstream or server.";
    Weight: "weight", U32, AVERAGE, "The weight in force; of an upstream, the sum of its servers that take requests.";
    Act: "act", U32, STATUS, "Servers that take requests and are no backups.";
    Bck: "bck", U32, STATUS, "Backup servers that take requests.";
    Chkfail: "chkfail", U64, COUNTER, "Health checks that failed so far.";
    Chkdown: "chkdown", U64, COUNTER, "Times it went down so far.";
    Lastchg: "lastchg", U32, AGE, "Seconds since the state changed last.";
    Downtime: "downtime", U32, COUNTER, "Seconds it was down so far.";
    Qlimit: "qlimit", U32, CONFIG, "Requests that may wait at a time.";
    Pid: "pid", U32, KEY, "The number among several processes, always 1.";
    Iid: "iid", U32, KEY_OF_SERVICE, "The number of the listener or upstream.";
    Sid: "sid", U32, KEY_OF_SERVICE, "The number of the server within its upstream.";
    Throttle: "throttle", U32, AVERAGE, "Percent of its weight that a server has while it starts slowly.";
    Lbtot: "lbtot", U64, COUNTER, "Times a server was chosen so far.";
    Tracked: "tracked", Text, CONFIG_NAME, "The server that it follows.";
    Type: "type", U32, CONFIG, "0 listener, 1 upstream, 2 server.";
    Rate: "rate", U32, RATE, "Sessions in the last second.";
    RateLim: "rate_lim", U32, LIMIT, "The most sessions a second, 0 without limit.";
    RateMax: "rate_max", U32, MOST, "Sessions in the busiest second since the start.";
    CheckStatus: "check_status", Text, OUTPUT, "What the last health check found, by its code.";
    CheckCode: "check_code", U32, OUTPUT, "The status that answered the last health check.";
    CheckDuration: "check_duration", U64, DURATION, "How long the last health check took.";
    Hrsp1xx: "hrsp_1xx", U64, COUNTER, "Responses so far, by class of status.";
    Hrsp2xx: "hrsp_2xx", U64, COUNTER, "Responses with a status from 200 to 299 so far.";
    Hrsp3xx: "hrsp_3xx", U64, COUNTER, "Responses with a status from 300 to 399 so far.";
    Hrsp4xx: "hrsp_4xx", U64, COUNTER, "Responses with a status from 400 to 499 so far.";
    Hrsp5xx: "hrsp_5xx", U64, COUNTER, "Responses with a status from 500 to 599 so far.";
    HrspOther: "hrsp_other", U64, COUNTER, "Responses with another status so far.";
    Hanafail: "hanafail", U64, COUNTER, "Failures of requests that were held against the server so far.";
    ReqRate: "req_rate", U32, RATE, "Requests in the last second.";
    ReqRateMax: "req_rate_max", U32, MOST, "Requests in the busiest second since the start.";
    ReqTot: "req_tot", U64, COUNTER, "Requests so far.";
    CliAbrt: "cli_abrt", U64, COUNTER, "Requests that clients gave up so far.";
    SrvAbrt: "srv_abrt", U64, COUNTER, "Responses that servers ended half way so far.";
    CompIn: "comp_in", U64, COUNTER, "Bytes of bodies before compression so far.";
    CompOut: "comp_out", U64, COUNTER, "Bytes of bodies after compression so far.";
    CompByp: "comp_byp", U64, COUNTER, "Bytes of bodies that went as they are for want of processor time so far.";
    CompRsp: "comp_rsp", U64, COUNTER, "Responses that were compressed so far.";
    Lastsess: "lastsess", S32, AGE, "Seconds since the last request ended, -1 before the first.";
    LastChk: "last_chk", Text, OUTPUT, "What the last health check found, in plain words.";
    LastAgt: "last_agt", Text, OUTPUT, "What the last check by an agent found.";
    Qtime: "qtime", U32, AVERAGE, "How long requests waited for a place, on average over the last 1024.";
    Ctime: "ctime", U32, AVERAGE, "How long connections to servers took to make, on average over the last 1024 requests.";
    Rtime: "rtime", U32, AVERAGE, "How long servers took to begin a response, on average over the last 1024 requests.";
    Ttime: "ttime", U32, AVERAGE, "How long requests took as a whole, on average over the last 1024.";
    AgentStatus: "agent_status", Text, OUTPUT, "What the last check by an agent found, by its code.";
    AgentCode: "agent_code", U32, OUTPUT, "Of the last check by an agent.";
    AgentDuration: "agent_duration", U64, DURATION, "Of the last check by an agent.";
    CheckDesc: "check_desc", Text, OUTPUT, "What the code of the last health check means.";
    AgentDesc: "agent_desc", Text, OUTPUT, "What the code of the last check by an agent means.";
    CheckRise: "check_rise", U32, CONFIG, "Health checks in a row that take a server up.";
    CheckFall: "check_fall", U32, CONFIG, "Health checks in a row that take a server down.";
    CheckHealth: "check_health", U32, CONFIG, "Where a server stands: below the rise it is down.";
    AgentRise: "agent_rise", U32, CONFIG, "Of checks by an agent.";
    AgentFall: "agent_fall", U32, CONFIG, "Of checks by an agent.";
    AgentHealth: "agent_health", U32, CONFIG, "Of checks by an agent.";
    Addr: "addr", Text, CONFIG, "The address of a server.";
    Cookie: "cookie", Text, CONFIG_NAME, "The cookie that keeps clients on their servers.";
    Mode: "mode", Text, CONFIG, "The protocol, always http.";
    Algo: "algo", Text, CONFIG, "How a server is chosen.";
    ConnRate: "conn_rate", U32, RATE, "Connections in the last second.";
    ConnRateMax: "conn_rate_max", U32, MOST, "Connections in the busiest second since the start.";
    ConnTot: "conn_tot", U64, COUNTER, "Connections so far.";
    Intercepted: "intercepted", U64, COUNTER, "Requests that were answered without a server, as configured, so far.";
    Dcon: "dcon", U64, COUNTER, "Connections that were turned away so far.";
    Dses: "dses", U64, COUNTER, "Sessions that were turned away after their connection was let in; there are none.";
    Wrew: "wrew", U64, COUNTER, "Headers that could not be rewritten; none fails.";
    Connect: "connect", U64, COUNTER, "Connections that were made to servers so far.";
    Reuse: "reuse", U64, COUNTER, "Requests sent on a connection that was kept so far.";
    CacheLookups: "cache_lookups", U64, COUNTER, "Requests looked up in a cache; there is none.";
    CacheHits: "cache_hits", U64, COUNTER, "Requests found in a cache; there is none.";
    SrvIcur: "srv_icur", U32, GAUGE, "Connections to the server that wait for their next request just now.";
    SrcIlim: "src_ilim", U32, LIMIT, "The most connections that may wait for their next request.";
    QtimeMax: "qtime_max", U32, MOST, "The longest that a request waited for a place.";
    CtimeMax: "ctime_max", U32, MOST, "The longest that a connection to a server took to make.";
    RtimeMax: "rtime_max", U32, MOST, "The longest that a server took to begin a response.";
    TtimeMax: "ttime_max", U32, MOST, "The longest that a request took as a whole.";
    Eint: "eint", U64, COUNTER, "Requests that failed for faults of ours so far.";
    IdleConnCur: "idle_conn_cur", U32, GAUGE, "Connections that wait, and may be over when they are used; there are none.";
    SafeConnCur: "safe_conn_cur", U32, GAUGE, "Connections to the server that wait for their next request just now.";
    UsedConnCur: "used_conn_cur", U32, GAUGE, "Connections to the server that carry a request just now.";
    NeedConnEst: "need_conn_est", U32, GAUGE, "Connections to the server that are needed just now.";
    Uweight: "uweight", U32, AVERAGE, "The weight as configured; of an upstream, the sum of its servers that take requests.";
    AggServerStatus: "agg_server_status", U32, GAUGE, "Servers by their state.";
    AggServerCheckStatus: "agg_server_check_status", U32, GAUGE, "Servers by their state; an older name.";
    AggCheckStatus: "agg_check_status", U32, GAUGE, "Servers by what their last health check found.";
    Srid: "srid", U32, KEY_OF_SERVICE, "Tells servers apart that have had the same number.";
    SessOther: "sess_other", U64, COUNTER, "Connections of another protocol than HTTP so far.";
    H1sess: "h1sess", U64, COUNTER, "Connections of HTTP/1 so far.";
    H2sess: "h2sess", U64, COUNTER, "Connections of HTTP/2 so far.";
    H3sess: "h3sess", U64, COUNTER, "Connections of HTTP/3 so far; there are none.";
    ReqOther: "req_other", U64, COUNTER, "Requests of another protocol than HTTP so far; there are none.";
    H1req: "h1req", U64, COUNTER, "Requests of HTTP/1 so far.";
    H2req: "h2req", U64, COUNTER, "Requests of HTTP/2 so far.";
    H3req: "h3req", U64, COUNTER, "Requests of HTTP/3 so far; there are none.";
    Proto: "proto", Text, STATUS, "The transport of a socket.";
    PrivIdleCur: "priv_idle_cur", U32, GAUGE, "Connections that wait for the next request of their own client.";
    Reqbin: "reqbin", U64, COUNTER, "Bytes of requests from clients.";
    Reqbout: "reqbout", U64, COUNTER, "Bytes of requests to servers.";
    Resbin: "resbin", U64, COUNTER, "Bytes of responses from servers.";
    Resbout: "resbout", U64, COUNTER, "Bytes of responses to clients.";
    CacheHintHits: "cache_hint_hits", U64, COUNTER, "Requests found in a cache by a hint; there is none.";
}

impl Column {
    pub(super) const COUNT: usize = Self::ALL.len();

    /// Where it stands, counted from 0.
    pub(super) const fn place(self) -> usize {
        self as usize
    }

    /// Of a few columns `HAProxy` says something else where they are a backend's.
    pub(super) fn tags(self, object: Object) -> Tags {
        match self {
            Self::Act | Self::Bck | Self::Rate | Self::RateMax if object == Object::Backend => {
                GAUGE
            }
            _ => self.common_tags(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_where_consumers_look_for_them() {
        let places = [
            (Column::Pxname, "pxname", 0),
            (Column::Status, "status", 17),
            (Column::Type, "type", 32),
            (Column::CheckStatus, "check_status", 36),
            (Column::HrspOther, "hrsp_other", 44),
            (Column::Lastsess, "lastsess", 55),
            (Column::Ttime, "ttime", 61),
            (Column::Addr, "addr", 73),
            (Column::SrcIlim, "src_ilim", 89),
            (Column::AggServerStatus, "agg_server_status", 100),
            (Column::H1sess, "h1sess", 105),
            (Column::CacheHintHits, "cache_hint_hits", 118),
        ];
        for (column, name, place) in places {
            assert_eq!((column.name(), column.place()), (name, place));
            assert_eq!(Column::ALL[place], column);
        }
        assert_eq!(Column::COUNT, 119);
    }

    #[test]
    fn no_name_stands_twice() {
        let mut names: Vec<_> = Column::ALL.iter().map(|column| column.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Column::COUNT);
    }
}
