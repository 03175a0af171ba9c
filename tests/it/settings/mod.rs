//! The programs with settings as SKOL's users have them: its cron line, its files, its experiments.

mod skol;
