//! Basic authentication: who may come in by name and password (RFC 7617).
//!
//! What is looked up and compared is here. A check of a password takes its time and its memory: `gateway/login.rs` has it done,
//! within limits, and keeps what lives longer than a request.

mod credentials;
mod failures;
mod remembered;

use std::{sync::Arc, time::Duration};

use aws_lc_rs::hmac;
use http::{
    HeaderName, HeaderValue,
    header::{AUTHORIZATION, RETRY_AFTER, WWW_AUTHENTICATE},
};

pub use self::{
    credentials::Credentials,
    failures::Failures,
    remembered::{Mark, Remembered},
};
use super::{Applied, PasswordHash, Users, Verdict};
use crate::{admit::FieldView, config::model, limits::Bucket, respond::Refusal};

/// Who may come in, ready to be asked.
#[derive(Debug)]
pub struct BasicAuth {
    users: Arc<Users>,
    /// What is checked in the place of a hash that is not there.
    decoys: Box<[Arc<PasswordHash>]>,
    challenge: HeaderValue,
    failures: Bucket,
    pass_user: HeaderName,
    passes_authorization: bool,
}

/// What is to be checked: a password by a hash. If the name has none, by another's, so that it takes as long; the answer is no
/// then.
#[derive(Clone, Debug)]
pub struct Question {
    pub hash: Arc<PasswordHash>,
    pub mark: Mark,
    pub is_known: bool,
}

/// One of an answer.
type Field = (HeaderName, HeaderValue);

/// What became of a login.
#[derive(Debug)]
pub enum Login {
    /// Who it is.
    Good(Box<str>),
    Bad,
    /// Too often bad: not looked at, and not before this long.
    TooOften(Duration),
    /// Too many are looked at just now.
    Crowded,
}

impl BasicAuth {
    pub fn new(spec: &model::BasicAuth, users: Arc<Users>) -> Self {
        Self {
            decoys: users.hashes(),
            users,
            challenge: challenge(&spec.realm),
            failures: Bucket {
                rate: spec.failures.count,
                window: spec.failures.within,
                burst: spec.failures.count,
            },
            pass_user: spec.pass_user.clone(),
            passes_authorization: spec.pass_authorization,
        }
    }

    /// How often a client may be wrong.
    pub fn failures(&self) -> Bucket {
        self.failures
    }

    /// What to check of these credentials; nothing if nobody may log in at all.
    pub fn question(&self, secret: &hmac::Key, credentials: &Credentials) -> Option<Question> {
        let name = credentials.name();
        let own = self.users.hash_of(name);
        let hash = Arc::clone(own.or_else(|| self.decoy(secret, name))?);
        Some(Question {
            mark: Mark::of(secret, credentials, &hash, own.is_some()),
            is_known: own.is_some(),
            hash,
        })
    }

    /// The same for a name each time, and for nobody to foresee: where hashes differ in costs, the names that nobody has do as
    /// those of users do.
    fn decoy(&self, secret: &hmac::Key, name: &str) -> Option<&Arc<PasswordHash>> {
        let sign = hmac::sign(secret, name.as_bytes());
        let number = sign
            .as_ref()
            .first_chunk()
            .map(|bytes| u64::from_be_bytes(*bytes))?;
        let count = u64::try_from(self.decoys.len())
            .ok()
            .filter(|count| *count > 0)?;
        self.decoys.get(usize::try_from(number % count).ok()?)
    }

    /// Who it is.
    ///
    /// # Errors
    /// How to refuse whoever does not come in, and the field of the answer that says what to do next.
    pub fn settle(&self, login: Login) -> Result<Box<str>, (Refusal, Option<Field>)> {
        match login {
            Login::Good(name) => Ok(name),
            Login::Bad => {
                let challenge = (WWW_AUTHENTICATE, self.challenge.clone());
                Err((Refusal::Unauthenticated, Some(challenge)))
            }
            Login::TooOften(wait) => {
                let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
                let retry_after = (RETRY_AFTER, HeaderValue::from(seconds));
                Err((Refusal::TooManyFailures, Some(retry_after)))
            }
            Login::Crowded => Err((Refusal::LoginsCrowded, None)),
        }
    }

    /// What becomes of the request, and what the server and the log are told of who asks.
    pub fn rule(&self, login: Login, sent: FieldView<'_>, applied: &mut Applied) -> Verdict {
        applied.reserve(std::slice::from_ref(&self.pass_user), sent);
        if !self.passes_authorization {
            applied.request_removed.push(AUTHORIZATION);
        }
        match self.settle(login) {
            Ok(name) => {
                if let Ok(value) = HeaderValue::from_bytes(name.as_bytes()) {
                    applied.request_fields.push((self.pass_user.clone(), value));
                }
                applied.user = Some(name);
                Verdict::Continue
            }
            Err((refusal, field)) => {
                applied.response_fields.extend(field);
                Verdict::Refuse(refusal)
            }
        }
    }
}

/// Section 2.1 of the RFC; the realm is a quoted string of ASCII.
#[expect(
    clippy::expect_used,
    reason = "the configuration has checked the realm"
)]
fn challenge(realm: &str) -> HeaderValue {
    let quoted = realm.replace('\\', r"\\").replace('"', "\\\"");
    let challenge = format!("Basic realm=\"{quoted}\", charset=\"UTF-8\"");
    HeaderValue::try_from(challenge).expect("printable ASCII")
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;
    use crate::config::{model::Quota, problem::Located};

    const FILE: &[u8] = b"alice:$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW
bob:$2a$06$DCq7YPn5Rq63x1Lad4cll.TV4S6ytwfsfvkgY8jIucDrjc8deX1s.";

    fn spec(realm: &str) -> model::BasicAuth {
        model::BasicAuth {
            users: Located::nowhere("users".into()),
            realm: realm.into(),
            failures: Quota {
                count: 10.try_into().unwrap(),
                within: Duration::from_secs(60),
            },
            pass_user: model::BasicAuth::PASS_USER,
            pass_authorization: false,
        }
    }

    fn basic_auth(file: &[u8]) -> BasicAuth {
        BasicAuth::new(&spec("restricted"), Users::parse(file).unwrap().into())
    }

    fn credentials() -> Credentials {
        Credentials::parse(b"Basic YWxpY2U6VSpV").unwrap() // alice:U*U
    }

    #[test]
    fn a_name_that_nobody_has_is_checked_by_anothers_hash_always_the_same() {
        let basic_auth = basic_auth(FILE);
        let secret = hmac::Key::new(hmac::HMAC_SHA256, &[7; 32]);
        let own = basic_auth.question(&secret, &credentials()).unwrap();
        assert!(own.is_known);
        assert_eq!(own.hash.is_of(b"U*U"), Ok(true));
        let mut seen = [false; 2];
        for nth in 0..64 {
            let name = format!("nobody{nth}");
            let decoy = basic_auth.decoy(&secret, &name).unwrap();
            assert!(Arc::ptr_eq(
                decoy,
                basic_auth.decoy(&secret, &name).unwrap()
            ));
            let place = basic_auth
                .decoys
                .iter()
                .position(|hash| Arc::ptr_eq(hash, decoy));
            seen[place.unwrap()] = true;
        }
        assert_eq!(seen, [true; 2], "each of them stands in for some");
        let nobody = Credentials::parse(b"Basic bm9ib2R5OlUqVQ==").unwrap(); // nobody:U*U
        assert!(!basic_auth.question(&secret, &nobody).unwrap().is_known);
    }

    #[test]
    fn where_nobody_may_log_in_there_is_nothing_to_check() {
        let secret = hmac::Key::new(hmac::HMAC_SHA256, &[7; 32]);
        let basic_auth = basic_auth(b"# nobody");
        assert!(basic_auth.question(&secret, &credentials()).is_none());
    }

    #[test]
    fn a_realm_is_quoted() {
        for (realm, value) in [
            ("restricted", r#"Basic realm="restricted", charset="UTF-8""#),
            (
                r#"a "b" \c"#,
                r#"Basic realm="a \"b\" \\c", charset="UTF-8""#,
            ),
        ] {
            assert_eq!(challenge(realm), value);
        }
    }

    #[test]
    fn the_server_is_told_who_it_is_and_never_by_the_client() {
        let sent = || {
            let mut fields = HeaderMap::new();
            fields.insert(
                AUTHORIZATION,
                HeaderValue::from_static("Basic YWxpY2U6VSpV"),
            );
            for name in ["x-forwarded-user", "x_forwarded_user", "x-forwarded_user"] {
                fields.insert(name, HeaderValue::from_static("root"));
            }
            fields
        };
        let mut applied = Applied::default();
        let verdict =
            basic_auth(FILE).rule(Login::Good("alice".into()), (&sent()).into(), &mut applied);
        assert!(matches!(verdict, Verdict::Continue));
        let mut fields = sent();
        applied.request(&mut fields);
        assert_eq!(fields.len(), 1);
        assert_eq!(fields["x-forwarded-user"], "alice");
        assert_eq!(applied.user.as_deref(), Some("alice"));
        let passing = model::BasicAuth {
            pass_authorization: true,
            pass_user: HeaderName::from_static("remote-user"),
            ..spec("restricted")
        };
        let mut applied = Applied::default();
        let basic_auth = BasicAuth::new(&passing, Users::parse(FILE).unwrap().into());
        basic_auth.rule(Login::Good("alice".into()), (&sent()).into(), &mut applied);
        let mut fields = sent();
        applied.request(&mut fields);
        assert_eq!(fields[AUTHORIZATION], "Basic YWxpY2U6VSpV");
        assert_eq!(fields["remote-user"], "alice");
    }

    #[test]
    fn what_is_no_good_login_is_refused_with_what_to_do_next() {
        let tenth = Duration::from_millis(100);
        for (login, refusal, name, value) in [
            (
                Login::Bad,
                Refusal::Unauthenticated,
                WWW_AUTHENTICATE,
                r#"Basic realm="restricted", charset="UTF-8""#,
            ),
            (
                Login::TooOften(tenth * 50),
                Refusal::TooManyFailures,
                RETRY_AFTER,
                "5",
            ),
            (
                Login::TooOften(tenth),
                Refusal::TooManyFailures,
                RETRY_AFTER,
                "1",
            ),
        ] {
            let mut applied = Applied::default();
            let verdict = basic_auth(FILE).rule(login, (&HeaderMap::new()).into(), &mut applied);
            assert!(matches!(verdict, Verdict::Refuse(found) if found == refusal));
            let [(of, is)] = &applied.response_fields[..] else {
                panic!("{applied:?}");
            };
            assert_eq!((of, is.to_str().unwrap()), (&name, value));
            assert!(applied.request_fields.is_empty() && applied.user.is_none());
        }
        let mut applied = Applied::default();
        let verdict =
            basic_auth(FILE).rule(Login::Crowded, (&HeaderMap::new()).into(), &mut applied);
        assert!(matches!(verdict, Verdict::Refuse(Refusal::LoginsCrowded)));
    }
}
