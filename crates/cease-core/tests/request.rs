//! What a request tells of itself, and how it leaves a job by `?`.
#![cfg(not(any(loom, shuttle)))]

use std::error::Error;
use std::fmt;
use std::time::Instant;

use cease_core::{Checkpoint, Reason, StopSource, StopToken};

#[derive(Debug, PartialEq)]
struct DiskFull(u64);

impl fmt::Display for DiskFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes left", self.0)
    }
}

impl Error for DiskFull {}

#[test]
fn it_says_who_asked_where_and_when() {
    let before = Instant::now();
    let top = StopSource::new();
    let (middle, other) = (top.child(), top.child());
    let leaf = middle.child();
    let line = line!() + 1;
    middle.request_with("deploy");
    let after = Instant::now();

    let stopped = leaf.token().wait().unwrap();
    let request = stopped.request();
    assert_eq!((request.reason(), request.location().unwrap().line()), (&Reason::from("deploy"), line));
    assert!((before..=after).contains(&request.at()));
    assert!(middle.is_origin_of(&stopped), "the ancestor that was asked");
    assert!(!leaf.is_origin_of(&stopped) && !top.is_origin_of(&stopped) && !other.is_origin_of(&stopped));
    assert_eq!(request.to_string(), format!("requested: deploy (at {})", request.location().unwrap()));
}

#[test]
fn a_link_leads_back_to_the_request_that_it_follows() {
    let inputs = [StopSource::new(), StopSource::new()];
    let inner = StopToken::any_of(&[inputs[0].token(), inputs[1].token()]);
    let outer = StopToken::any_of(&[inner.token().clone()]);
    inputs[1].request_with("deploy");

    let chain: Vec<_> = outer.token().request().unwrap().chain().collect();
    assert_eq!(chain.len(), 3);
    assert!(chain.iter().all(|request| request.reason() == &Reason::from("deploy")));
    assert!(std::ptr::eq(chain[2], inputs[1].token().request().unwrap()));
}

#[test]
fn a_chain_of_links_is_given_back_without_recursion() {
    let source = StopSource::new();
    let mut links = vec![StopToken::any_of(&[source.token()])];
    for level in 0..2_000 {
        let input = links[level].token().clone();
        links.push(StopToken::any_of(&[input]));
    }
    let last = links.last().unwrap().token().clone();
    // The callbacks of links call each other, level by level, which takes stack (docs/LIMITS.md).
    let asking = std::thread::Builder::new().stack_size(256 << 20).spawn(move || {
        source.request();
        drop((links, source));
    });
    asking.unwrap().join().unwrap();
    assert_eq!(last.request().unwrap().chain().count(), 2_002);
    std::thread::Builder::new().stack_size(64 << 10).spawn(move || drop(last)).unwrap().join().unwrap();
}

#[test]
fn a_payload_comes_back_by_its_type_and_as_the_source_of_an_error() {
    fn job(stop: &StopToken) -> Result<(), Box<dyn Error>> {
        stop.check()?;
        Ok(())
    }
    let source = StopSource::new();
    let token = source.child().token();
    source.request_with(Reason::custom(DiskFull(7)));

    let error = job(&token).unwrap_err();
    assert_eq!(error.source().unwrap().downcast_ref(), Some(&DiskFull(7)));
    let origin = token.reason().unwrap();
    assert_eq!(origin.downcast_ref(), Some(&DiskFull(7)));
    assert_eq!(origin.downcast_ref::<fmt::Error>(), None);
    assert_eq!((origin.to_string(), origin == &origin.clone()), ("7 bytes left".to_owned(), true));
    assert_ne!(origin, &Reason::custom(DiskFull(7)), "it is told apart from an equal one");
}
