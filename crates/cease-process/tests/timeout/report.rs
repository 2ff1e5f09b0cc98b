//! The report is one document, and the command's output stays its own.

use serde_json::Value;

use crate::common::{OURS, Running, kinds, run};

fn document(text: &str) -> Value {
    assert_eq!(text.lines().count(), 1, "{text}");
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn it_goes_to_standard_error_and_tells_of_a_timeout() {
    let ended = run(OURS, &["--report=json", ".05", "sh", "-c", "echo mine; exec sleep 1000"]);
    let report = document(&ended.stderr);
    assert_eq!((ended.code, &*ended.stdout), (Some(124), "mine\n"));
    assert_eq!(report["schema"], "cease.timeout/1");
    assert_eq!((&report["timed_out"], &report["status"]), (&Value::Bool(true), &Value::from(124)));
    assert_eq!((&report["sent"], &report["ended"]["signal"]), (&Value::from("TERM"), &Value::from("TERM")));
    assert_eq!(report["command"][0], "sh");
    assert!(report["elapsed_s"].as_f64().unwrap() >= 0.05);
}

#[test]
fn it_goes_to_a_file_and_names_who_survived_and_what_found_them() {
    for kind in kinds() {
        let file = format!("{}/report-{kind}-{}.json", env!("CARGO_TARGET_TMPDIR"), std::process::id());
        let (tree, place) = (format!("--tree={kind}"), format!("json:{file}"));
        let script = "setsid sh -c 'echo up; exec sleep 1000' & read go; exit 7";
        let mut running = Running::start(OURS, &[&tree, "--report", &place, "60", "sh", "-c", script]).once_up(1);
        running.go();
        let ended = running.end();
        let report = document(&std::fs::read_to_string(&file).unwrap());
        std::fs::remove_file(&file).unwrap();
        assert_eq!((ended.code, &*ended.stderr), (Some(7), ""));
        assert_eq!(report["containment"], *kind);
        assert_eq!(report["ended"]["code"], 7);
        assert_eq!(report["survivors"].as_array().unwrap().len(), 1, "{report}");
        assert_eq!(report["unkillable"].as_array().unwrap().len(), 0);
    }
}

#[test]
fn it_goes_to_a_descriptor_that_the_command_does_not_get() {
    let script = "\"$0\" --report=json:3 60 sh -c 'echo leaked >&3' 3>&1 2>/dev/null";
    let ended = run("sh", &["-c", script, OURS]);
    let report = document(&ended.stdout);
    assert_eq!(report["ended"]["code"], 2, "the shell could not write there: {report}");
}

#[test]
fn a_place_that_is_not_there_is_told_before_anything_runs() {
    for (place, said) in [("json:/no/such/directory/file", "'/no/such/directory/file'"), ("json:77", "descriptor 77")] {
        let ended = run(OURS, &["--report", place, "60", "echo", "ran"]);
        assert_eq!((ended.code, &*ended.stdout), (Some(125), ""), "{}", ended.stderr);
        assert!(ended.stderr.contains(&format!("cannot write the report to {said}: ")), "{}", ended.stderr);
    }
}

#[test]
fn it_tells_of_what_cannot_be_started() {
    for (program, status) in [("/no/such/program", 127), ("/", 126)] {
        let file = format!("{}/not-started-{status}-{}.json", env!("CARGO_TARGET_TMPDIR"), std::process::id());
        let ended = run(OURS, &["--report", &format!("json:{file}"), "60", program]);
        let report = document(&std::fs::read_to_string(&file).unwrap());
        std::fs::remove_file(&file).unwrap();
        assert_eq!((ended.code, &report["status"]), (Some(status), &Value::from(status)));
        assert!(ended.stderr.trim_end().ends_with(report["error"].as_str().unwrap()), "{report}: {}", ended.stderr);
        assert_eq!((&report["ended"], &report["sent"]), (&Value::Null, &Value::Null));
    }
    let ended = run(OURS, &["--report=json", "60", "true"]);
    assert_eq!(document(&ended.stderr)["error"], Value::Null);
}
