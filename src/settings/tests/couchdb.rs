//! Which database, with which password, and that the password never shows.

use super::{Surroundings, set_mode};
use crate::settings::{Input, Settings, Task};

const PASSWORD: &str = "hunter2-Xyzzy";

fn couch(here: Surroundings) -> Surroundings {
    here.var("COUCHDB_URL", "http://localhost:5984").var("COUCHDB_USER", "me").var("INGEST_DATABASE", "skol")
}

fn exposed(settings: &Settings) -> &str {
    match &settings.input {
        Input::CouchDb(couchdb) => couchdb.ingest.credentials.as_ref().unwrap().password.expose(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_password_arrives_and_never_shows() {
    let ways: [(Surroundings, Vec<String>); 6] = [
        (couch(Surroundings::new()).var("COUCHDB_PASSWORD", PASSWORD), vec![]),
        (
            couch(Surroundings::new()).file("env_config", &format!("COUCHDB_PASSWORD='{PASSWORD}' # x")),
            vec![],
        ),
        (
            couch(Surroundings::new())
                .file("skol_classifier.toml", &format!("couchdb_password = '{PASSWORD}'")),
            vec![],
        ),
        (
            couch(Surroundings::new()).file("secret", &format!("  {PASSWORD}\n")),
            vec!["--couchdb-password-file=secret".into()],
        ),
        (couch(Surroundings::new()), vec![format!("--couchdb-password={PASSWORD}")]),
        (couch(Surroundings::new()), vec![format!("--couchdb-url=http://me:{PASSWORD}@localhost:5984")]),
    ];
    for (here, arguments) in &ways {
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let settings = here.predict(&arguments).unwrap();
        assert_eq!(exposed(&settings), PASSWORD);
        let shown = here.printed(&[&arguments[..], &["--show-config"]].concat());
        assert!(shown.contains("# couchdb_password = \"********\""), "{shown}");
        for text in [shown, format!("{settings:?}"), format!("{settings:#?}")] {
            assert!(!text.contains(PASSWORD), "{text}");
        }
        for wrong in ["--verbosity=9", "--ingest-db", "--couchdb-ca-file=nowhere", "--couchdb-url=nonsense"] {
            let message = here.error(&[&arguments[..], &[wrong]].concat());
            assert!(!message.contains(PASSWORD), "{message}");
        }
    }
    let warned = ways[4].0.predict(&[&format!("--couchdb-password={PASSWORD}")]).unwrap().notices;
    assert!(warned.len() == 1 && warned[0].contains("on the command line can be read"), "{warned:?}");
}

#[test]
fn no_error_repeats_a_password() {
    let here = Surroundings::new;
    for (here, arguments) in [
        (here().file("env_config", &format!("COUCHDB_PASSWORD='{PASSWORD}")), vec![]),
        (here().file("env_config", &format!("COUCHDB_PASSWORD '{PASSWORD}'")), vec![]),
        (here().file("skol_classifier.toml", &format!("couchdb_password = '{PASSWORD}")), vec![]),
        (here().file("skol_classifier.toml", &format!("couchdb_password = {PASSWORD}")), vec![]),
        (here(), vec![format!("--couchdb-pasword={PASSWORD}")]),
        (here(), vec![format!("--couchdb-url=http://me:{PASSWORD}/x@localhost:5984")]),
        (here(), vec![format!("--couchdb-url=http://me:{PASSWORD}@:5984"), "--ingest-db-name=x".into()]),
        (here(), vec![format!("--couchdb-url=me:{PASSWORD}@localhost"), "--ingest-db-name=x".into()]),
        (here(), vec!["--couchdb-password".into(), format!("-{PASSWORD}"), "--verbosity=9".into()]),
        (
            couch(here())
                .var("COUCHDB_PASSWORD", PASSWORD)
                .file("p", PASSWORD)
                .var("COUCHDB_PASSWORD_FILE", "p"),
            vec![],
        ),
    ] {
        let message = here.error(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(!message.contains("hunter2"), "{message}");
    }
}

#[test]
fn a_password_and_a_password_file_contradict_in_one_layer_only() {
    let here = couch(Surroundings::new()).file("p", "from file").var("COUCHDB_PASSWORD", "direct");
    assert_eq!(exposed(&here.predict(&["--couchdb-password-file=p"]).unwrap()), "from file");
    let here = here.var("COUCHDB_PASSWORD_FILE", "p");
    assert!(
        here.error(&[])
            .starts_with("both a CouchDB password (environment COUCHDB_PASSWORD) and a password file")
    );
    assert_eq!(exposed(&here.predict(&["--couchdb-password=typed"]).unwrap()), "typed");
    let here = couch(Surroundings::new()).file("p", " \n");
    assert!(here.error(&["--couchdb-password-file=p"]).contains("is empty"));
    assert!(here.error(&["--couchdb-password-file=q"]).contains("cannot read the password file q"));
}

#[cfg(unix)]
#[test]
fn a_password_that_others_can_read_is_warned_of() {
    let here = couch(Surroundings::new())
        .file("env_config", "COUCHDB_PASSWORD=x")
        .file("skol_classifier.toml", "couchdb_password = 'x'")
        .file("p", "x");
    let notices = |here: &Surroundings| here.predict(&["--couchdb-password-file=p"]).unwrap().notices;
    assert!(notices(&here).is_empty());
    for name in ["env_config", "skol_classifier.toml", "p"] {
        set_mode(&here.path(name), 0o644);
        let said = notices(&here);
        assert!(said.len() == 1 && said[0].contains(name) && said[0].contains("chmod 600"), "{said:?}");
        set_mode(&here.path(name), 0o640);
    }
    let here = Surroundings::new().file("env_config", "COUCHDB_URL=http://me:x@host\nINPUT=x");
    set_mode(&here.path("env_config"), 0o644);
    assert_eq!(here.predict(&[]).unwrap().notices.len(), 1);
    let here = Surroundings::new().file("env_config", "VERBOSITY=2");
    set_mode(&here.path("env_config"), 0o644);
    assert!(here.predict(&[]).unwrap().notices.is_empty());
}

#[test]
fn couchdb_is_used_when_an_ingest_database_is_given() {
    let here = couch(Surroundings::new()).var("COUCHDB_PASSWORD", "x");
    let settings = here.predict(&["--output-database=out"]).unwrap();
    let Input::CouchDb(couchdb) = settings.settings.input else { panic!("{:?}", settings.input) };
    assert_eq!((couchdb.ingest.database.as_str(), couchdb.output.database.as_str()), ("skol", "out"));
    assert_eq!(couchdb.ingest.credentials.unwrap().username, "me");

    // Files named in a stronger layer win; in a weaker one they do not count; in the same one it must be said.
    let settings = here.predict(&["a.txt"]).unwrap();
    assert_eq!(settings.input, Input::Paths(vec!["a.txt".into()]));
    assert!(settings.notices[0].contains("'skol' (environment INGEST_DATABASE) is not used"));
    let here = couch(Surroundings::new().file("env_config", "INPUT=a.txt")).var("COUCHDB_PASSWORD", "x");
    assert!(matches!(here.predict(&[]).unwrap().input, Input::CouchDb(_)));
    assert!(
        here.error(&["a.txt", "--ingest-db-name=x"]).contains("both files to label ('a.txt') and a database")
    );
}

#[test]
fn half_a_connection_is_refused_with_what_is_missing() {
    let here = Surroundings::new;
    let url = "--couchdb-url=http://localhost:5984";
    assert!(here().error(&[url]).contains("add --ingest-db-name or INGEST_DB_NAME"));
    assert!(here().predict(&[url, "a.txt"]).is_ok());
    assert!(here().error(&["--ingest-db-name=skol"]).contains("add --couchdb-url or COUCHDB_URL"));
    assert!(here().predict(&[url, "--ingest-db-name=skol"]).is_ok());
    assert!(here().error(&[url, "--ingest-db-name=x", "--couchdb-username=me"]).contains("but no password"));
    assert!(here().error(&[url, "--ingest-db-name=x", "--couchdb-password=p"]).contains("but no user"));
    for wrong in ["localhost:5984", "couch", "ftp://couch", "http://", "http://couch?x", "http://couch#x"] {
        let message = here().error(&["--ingest-db-name=x", "--couchdb-url", wrong]);
        assert!(message.contains("http://localhost:5984"), "{message}");
    }
}

#[test]
fn force_wins_over_skip_existing_and_no_check_over_the_filter() {
    let selection = |arguments: &[&str]| Surroundings::new().predict(arguments).unwrap().settings.selection;
    assert!(selection(&["a.txt", "--skip-existing"]).skip_existing);
    assert!(!selection(&["a.txt", "--skip-existing", "--force"]).skip_existing);
    assert!(!selection(&["a.txt", "--taxonomy-filter", "--skip-taxonomy-check"]).taxonomy_filter);
    let here = Surroundings::new().var("SKIP_EXISTING", "yes");
    assert!(!here.predict(&["a.txt", "--skip-existing=false"]).unwrap().selection.skip_existing);
    assert!(
        Surroundings::new().error(&["--update-taxonomy-flag-only"]).contains("needs documents in CouchDB")
    );
    let here = couch(Surroundings::new()).var("COUCHDB_PASSWORD", "x");
    assert_eq!(here.predict(&["--update-taxonomy-flag-only"]).unwrap().task, Task::UpdateTaxonomyFlag);
    assert!(here.error(&["--update-taxonomy-flag-only", "--skip-taxonomy-check"]).contains("contradict"));
}
