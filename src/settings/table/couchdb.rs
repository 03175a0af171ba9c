//! Where the database is and how to get in.

use crate::settings::option::{Heading, Kind, Setting};

const HEADING: Heading = Heading::CouchDb;

pub(super) const TABLE: &[Setting] = &[
    Setting::new(
        "couchdb_url",
        "couchdb-url",
        Kind::Text,
        "URL",
        HEADING,
        "CouchDB server, like http://localhost:5984",
    )
    .env(&["COUCHDB_URL"])
    .more("Read from and write to CouchDB instead of folders, when --ingest-db-name is given too."),
    Setting::new(
        "couchdb_username",
        "couchdb-username",
        Kind::Text,
        "NAME",
        HEADING,
        "User at the CouchDB server",
    )
    .env(&["COUCHDB_USER"])
    .aliases(&["couchdb-user"]),
    Setting::new(
        "couchdb_password",
        "couchdb-password",
        Kind::Text,
        "PASSWORD",
        HEADING,
        "Password of that user; better kept in a file",
    )
    .env(&["COUCHDB_PASSWORD"])
    .more(
        "What stands on a command line can be read by every user of the machine: prefer \
           --couchdb-password-file or env_config.",
    )
    .secret(),
    Setting::new(
        "couchdb_password_file",
        "couchdb-password-file",
        Kind::File,
        "FILE",
        HEADING,
        "File that holds the password; white space around it is dropped",
    )
    .env(&["COUCHDB_PASSWORD_FILE"])
    .aliases(&["password-file"]),
    Setting::new(
        "couchdb_ca_file",
        "couchdb-ca-file",
        Kind::File,
        "FILE",
        HEADING,
        "Certificate authority (PEM) to trust besides the system's",
    )
    .env(&["COUCHDB_CA_FILE"]),
    Setting::new(
        "ingest_db_name",
        "ingest-db-name",
        Kind::Text,
        "DB",
        HEADING,
        "Database with the documents",
    )
    .env(&["INGEST_DATABASE"])
    .aliases(&["ingest-database"]),
    Setting::new(
        "output_database",
        "output-database",
        Kind::Text,
        "DB",
        HEADING,
        "Database for the annotations; without it the ingest database",
    )
    .env(&["ANNOTATIONS_DB_NAME"])
    .more("Created if missing; the documents' metadata is copied."),
    Setting::new(
        "attachment_pattern",
        "attachment-pattern",
        Kind::Text,
        "GLOB",
        HEADING,
        "Which attachments are documents",
    )
    .env(&["COUCHDB_PATTERN"])
    .aliases(&["couchdb-pattern"]),
];
