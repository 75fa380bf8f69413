//! The API, asked over HTTP as its users ask it. Every law holds on every database that there is.

mod bad_input;
mod closing;
mod command_line;
mod contents;
mod description;
mod gate;
mod health;
mod library;
mod main_job;
mod malformed;
mod notes;
mod paging;
mod people;
mod planning;
mod planning_commands;
mod preconditions;
mod references;
mod repetition;
mod roles;
mod schedules;
mod strangers;
mod tar;
mod uploads;
mod work;
