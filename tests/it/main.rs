//! The end-to-end tests. The list of modules is the list of promises.

mod approval_in_browser;
mod approvals;
mod approvals_at_the_prompt;
mod cli;
mod command_rules;
mod dockerfile;
mod everyday;
mod flow_control;
mod harness;
mod kube_cluster;
mod kube_exec;
mod kube_requests;
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
mod strict_mode;
mod typed_gate;
mod web_api;
