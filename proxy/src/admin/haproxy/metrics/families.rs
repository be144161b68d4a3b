//! The families of `HAProxy`'s exporter, each with the column that it is read from.

use super::{
    super::column::Column,
    Kind::{self, Counter, Gauge},
};

/// A family of one number for each listener, upstream or server.
pub(super) struct Metric {
    pub(super) name: &'static str,
    pub(super) column: Column,
    pub(super) kind: Kind,
    pub(super) unit: Unit,
}

/// What a column's number is multiplied by.
#[derive(Clone, Copy)]
pub(super) enum Unit {
    One,
    /// Columns are in milliseconds, families in seconds.
    Millisecond,
}

const fn counter(name: &'static str, column: Column) -> Metric {
    metric(name, column, Counter, Unit::One)
}

const fn gauge(name: &'static str, column: Column) -> Metric {
    metric(name, column, Gauge, Unit::One)
}

const fn millis(name: &'static str, column: Column) -> Metric {
    metric(name, column, Gauge, Unit::Millisecond)
}

const fn metric(name: &'static str, column: Column, kind: Kind, unit: Unit) -> Metric {
    Metric {
        name,
        column,
        kind,
        unit,
    }
}

pub(super) const FRONTEND: &[Metric] = &[
    gauge("haproxy_frontend_current_sessions", Column::Scur),
    gauge("haproxy_frontend_max_sessions", Column::Smax),
    gauge("haproxy_frontend_limit_sessions", Column::Slim),
    counter("haproxy_frontend_sessions_total", Column::Stot),
    counter("haproxy_frontend_bytes_in_total", Column::Bin),
    counter("haproxy_frontend_bytes_out_total", Column::Bout),
    counter("haproxy_frontend_requests_denied_total", Column::Dreq),
    counter("haproxy_frontend_responses_denied_total", Column::Dresp),
    counter("haproxy_frontend_request_errors_total", Column::Ereq),
    gauge("haproxy_frontend_limit_session_rate", Column::RateLim),
    gauge("haproxy_frontend_max_session_rate", Column::RateMax),
    gauge(
        "haproxy_frontend_http_requests_rate_max",
        Column::ReqRateMax,
    ),
    counter("haproxy_frontend_http_requests_total", Column::ReqTot),
    counter("haproxy_frontend_http_comp_bytes_in_total", Column::CompIn),
    counter(
        "haproxy_frontend_http_comp_bytes_out_total",
        Column::CompOut,
    ),
    counter(
        "haproxy_frontend_http_comp_responses_total",
        Column::CompRsp,
    ),
    gauge("haproxy_frontend_connections_rate_max", Column::ConnRateMax),
    counter("haproxy_frontend_connections_total", Column::ConnTot),
    counter(
        "haproxy_frontend_intercepted_requests_total",
        Column::Intercepted,
    ),
    counter("haproxy_frontend_denied_connections_total", Column::Dcon),
    counter("haproxy_frontend_denied_sessions_total", Column::Dses),
    counter(
        "haproxy_frontend_failed_header_rewriting_total",
        Column::Wrew,
    ),
    counter(
        "haproxy_frontend_http_cache_lookups_total",
        Column::CacheLookups,
    ),
    counter("haproxy_frontend_http_cache_hits_total", Column::CacheHits),
    counter("haproxy_frontend_internal_errors_total", Column::Eint),
];

pub(super) const SERVER: &[Metric] = &[
    gauge("haproxy_server_current_queue", Column::Qcur),
    gauge("haproxy_server_max_queue", Column::Qmax),
    gauge("haproxy_server_current_sessions", Column::Scur),
    gauge("haproxy_server_max_sessions", Column::Smax),
    gauge("haproxy_server_limit_sessions", Column::Slim),
    counter("haproxy_server_sessions_total", Column::Stot),
    counter("haproxy_server_bytes_in_total", Column::Bin),
    counter("haproxy_server_bytes_out_total", Column::Bout),
    counter("haproxy_server_responses_denied_total", Column::Dresp),
    counter("haproxy_server_connection_errors_total", Column::Econ),
    counter("haproxy_server_response_errors_total", Column::Eresp),
    counter("haproxy_server_retry_warnings_total", Column::Wretr),
    counter("haproxy_server_redispatch_warnings_total", Column::Wredis),
    gauge("haproxy_server_weight", Column::Weight),
    counter("haproxy_server_check_failures_total", Column::Chkfail),
    counter("haproxy_server_check_up_down_total", Column::Chkdown),
    gauge("haproxy_server_check_last_change_seconds", Column::Lastchg),
    counter("haproxy_server_downtime_seconds_total", Column::Downtime),
    gauge("haproxy_server_queue_limit", Column::Qlimit),
    gauge("haproxy_server_current_throttle", Column::Throttle),
    counter("haproxy_server_loadbalanced_total", Column::Lbtot),
    gauge("haproxy_server_max_session_rate", Column::RateMax),
    gauge("haproxy_server_check_code", Column::CheckCode),
    millis(
        "haproxy_server_check_duration_seconds",
        Column::CheckDuration,
    ),
    counter("haproxy_server_client_aborts_total", Column::CliAbrt),
    counter("haproxy_server_server_aborts_total", Column::SrvAbrt),
    gauge("haproxy_server_last_session_seconds", Column::Lastsess),
    millis("haproxy_server_queue_time_average_seconds", Column::Qtime),
    millis("haproxy_server_connect_time_average_seconds", Column::Ctime),
    millis(
        "haproxy_server_response_time_average_seconds",
        Column::Rtime,
    ),
    millis("haproxy_server_total_time_average_seconds", Column::Ttime),
    counter("haproxy_server_failed_header_rewriting_total", Column::Wrew),
    counter("haproxy_server_connection_attempts_total", Column::Connect),
    counter("haproxy_server_connection_reuses_total", Column::Reuse),
    gauge("haproxy_server_idle_connections_current", Column::SrvIcur),
    millis("haproxy_server_max_queue_time_seconds", Column::QtimeMax),
    millis("haproxy_server_max_connect_time_seconds", Column::CtimeMax),
    millis("haproxy_server_max_response_time_seconds", Column::RtimeMax),
    millis("haproxy_server_max_total_time_seconds", Column::TtimeMax),
    counter("haproxy_server_internal_errors_total", Column::Eint),
    gauge(
        "haproxy_server_unsafe_idle_connections_current",
        Column::IdleConnCur,
    ),
    gauge(
        "haproxy_server_safe_idle_connections_current",
        Column::SafeConnCur,
    ),
    gauge(
        "haproxy_server_used_connections_current",
        Column::UsedConnCur,
    ),
    gauge(
        "haproxy_server_need_connections_current",
        Column::NeedConnEst,
    ),
    gauge("haproxy_server_uweight", Column::Uweight),
];

pub(super) const BACKEND: &[Metric] = &[
    gauge("haproxy_backend_current_queue", Column::Qcur),
    gauge("haproxy_backend_max_queue", Column::Qmax),
    gauge("haproxy_backend_current_sessions", Column::Scur),
    gauge("haproxy_backend_max_sessions", Column::Smax),
    gauge("haproxy_backend_limit_sessions", Column::Slim),
    counter("haproxy_backend_sessions_total", Column::Stot),
    counter("haproxy_backend_bytes_in_total", Column::Bin),
    counter("haproxy_backend_bytes_out_total", Column::Bout),
    counter("haproxy_backend_requests_denied_total", Column::Dreq),
    counter("haproxy_backend_responses_denied_total", Column::Dresp),
    counter("haproxy_backend_connection_errors_total", Column::Econ),
    counter("haproxy_backend_response_errors_total", Column::Eresp),
    counter("haproxy_backend_retry_warnings_total", Column::Wretr),
    counter("haproxy_backend_redispatch_warnings_total", Column::Wredis),
    gauge("haproxy_backend_weight", Column::Weight),
    gauge("haproxy_backend_active_servers", Column::Act),
    gauge("haproxy_backend_backup_servers", Column::Bck),
    counter("haproxy_backend_check_up_down_total", Column::Chkdown),
    gauge("haproxy_backend_check_last_change_seconds", Column::Lastchg),
    counter("haproxy_backend_downtime_seconds_total", Column::Downtime),
    counter("haproxy_backend_loadbalanced_total", Column::Lbtot),
    gauge("haproxy_backend_max_session_rate", Column::RateMax),
    counter("haproxy_backend_http_requests_total", Column::ReqTot),
    counter("haproxy_backend_client_aborts_total", Column::CliAbrt),
    counter("haproxy_backend_server_aborts_total", Column::SrvAbrt),
    counter("haproxy_backend_http_comp_bytes_in_total", Column::CompIn),
    counter("haproxy_backend_http_comp_bytes_out_total", Column::CompOut),
    counter("haproxy_backend_http_comp_responses_total", Column::CompRsp),
    gauge("haproxy_backend_last_session_seconds", Column::Lastsess),
    millis("haproxy_backend_queue_time_average_seconds", Column::Qtime),
    millis(
        "haproxy_backend_connect_time_average_seconds",
        Column::Ctime,
    ),
    millis(
        "haproxy_backend_response_time_average_seconds",
        Column::Rtime,
    ),
    millis("haproxy_backend_total_time_average_seconds", Column::Ttime),
    counter(
        "haproxy_backend_failed_header_rewriting_total",
        Column::Wrew,
    ),
    counter("haproxy_backend_connection_attempts_total", Column::Connect),
    counter("haproxy_backend_connection_reuses_total", Column::Reuse),
    counter(
        "haproxy_backend_http_cache_lookups_total",
        Column::CacheLookups,
    ),
    counter("haproxy_backend_http_cache_hits_total", Column::CacheHits),
    millis("haproxy_backend_max_queue_time_seconds", Column::QtimeMax),
    millis("haproxy_backend_max_connect_time_seconds", Column::CtimeMax),
    millis(
        "haproxy_backend_max_response_time_seconds",
        Column::RtimeMax,
    ),
    millis("haproxy_backend_max_total_time_seconds", Column::TtimeMax),
    counter("haproxy_backend_internal_errors_total", Column::Eint),
    gauge("haproxy_backend_uweight", Column::Uweight),
];
