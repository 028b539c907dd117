//! What an end-to-end test can start, and what it can look at afterwards.
//!
//! Nothing here imports the product's crates: the tests see what a user, a target, a bucket and an OpenID
//! provider see. Every peer is the real program, started on a free loopback port in a folder of its own and
//! stopped through the value that started it.
//!
//! | module | starts or reads |
//! | --- | --- |
//! | [`site`] | what most tests start with: a target, a bastion, somebody logged in |
//! | [`bastion`] | the `bastion` program, as `demo` or as `serve` |
//! | [`person`] | somebody with a login: `bastion login`, `ssh-config`, and the stock programs that use them |
//! | [`desk`] | alice at the prompt of a shell |
//! | [`terminal`] | a program in a terminal: type, wait for the screen, resize |
//! | [`keys`] | what a terminal sends for the names of keys |
//! | [`sshd`] | OpenSSH `sshd` as target, and certificates made with `ssh-keygen` |
//! | [`ssh_raw`] | an SSH client that sends what it likes, packet by packet |
//! | [`hostile_target`] | an SSH server that opens channels towards its client |
//! | [`oidc`] | a certified OpenID provider, and a browser without a window for its pages |
//! | [`balancer`] | a TCP balancer before several bastions, which asks for `/readyz` |
//! | [`s3`] | versitygw, and `curl` as a stock S3 client |
//! | [`postgres`] | a PostgreSQL server on a socket, for `psql` |
//! | [`cluster`] | a real Kubernetes cluster: API server, kubelet, containerd and runc |
//! | [`kube_site`] | a bastion before that cluster, and `kubectl` of somebody who is logged in |
//! | [`kube_fault`] | a stand-in for an API server that refuses, cuts and lies |
//! | [`kube_raw`] | requests to the Kubernetes front, byte by byte |
//! | [`crowd`] | connections that say nothing, thousands of them |
//! | [`storm`] | everything at once that strangers and a bad day can do |
//! | [`store_fault`] | a database that another process locks, a disk that is full |
//! | [`slow_link`] | a TCP relay that is far away |
//! | [`tcp_fault`] | a TCP relay that refuses, stalls or cuts what goes through it |
//! | [`cast`] | a reader of asciicast v3 that shares no code with the recorder |
//! | [`api`] | the HTTP API with a bearer token |
//! | [`program`] | a child process: its log, memory, CPU time and end |
//! | [`patience`] | waiting for a condition with a deadline |
//! | [`peers`] | where the peers' programs are, and how to install a missing one |

pub mod api;
pub mod balancer;
pub mod bastion;
pub mod cast;
pub mod cluster;
pub mod crowd;
pub mod desk;
pub mod hostile_target;
pub mod keys;
pub mod kube_fault;
pub mod kube_raw;
pub mod kube_site;
pub mod oidc;
pub mod patience;
pub mod peers;
pub mod person;
pub mod postgres;
pub mod program;
pub mod s3;
pub mod site;
pub mod slow_link;
pub mod ssh_raw;
pub mod sshd;
pub mod store_fault;
pub mod storm;
pub mod tcp_fault;
pub mod terminal;
