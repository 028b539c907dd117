//! The end-to-end tests. The list of modules is the list of promises.

mod cli;
mod command_rules;
mod dockerfile;
mod everyday;
mod flow_control;
mod harness;
mod kube_cluster;
mod last_byte;
mod oidc_login;
mod recording;
mod recording_failure;
mod replay_in_browser;
mod rule_reload;
mod ssh_auth;
mod ssh_jump;
mod ssh_refusal;
mod ssh_session;
mod ssh_transfer;
mod web_api;
