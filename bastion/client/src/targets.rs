//! `bastion targets`: what one may reach.

use api::page::Page;
use api::targets::TargetItem;
use clap::Args;
use serde_json::Value;

use super::exit::CommandError;
use super::home::BastionHome;
use super::output::{Format, OutputOptions, Table, print, print_json};

/// Arguments of `bastion targets`.
#[derive(Debug, Args)]
pub struct TargetsOptions {
    #[command(flatten)]
    pub(crate) output: OutputOptions,
}

/// Lists the targets.
///
/// # Errors
///
/// When there is no login, or the server refuses.
pub async fn run(home: &BastionHome, options: &TargetsOptions) -> Result<(), CommandError> {
    let page: Page<Value> = home.client()?.get("targets", &[]).await?;
    match options.output.output {
        Format::Json => print_json(&Value::Array(page.items)),
        Format::Table => print(&table(page.items)?),
    }
}

fn table(items: Vec<Value>) -> Result<String, CommandError> {
    let mut table = Table::new(["NAME", "KIND", "LOGINS", "LABELS", "CAPABILITIES"]);
    for item in items {
        let target: TargetItem = serde_json::from_value(item).map_err(anyhow::Error::new)?;
        let labels: Vec<_> = target.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        table.row([
            target.name,
            target.kind.to_string(),
            target.logins.join(" "),
            labels.join(" "),
            target.capabilities.join(" "),
        ]);
    }
    Ok(table.render())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_one_row() {
        let items = vec![
            serde_json::json!({"name":"demo","labels":{"env":"dev","os":"linux"},"logins":["demo"],"capabilities":["shell","exec"]}),
            serde_json::json!({"name":"prod","kind":"cluster","labels":{},"logins":[],"capabilities":["api"]}),
            serde_json::json!({"name":"web1","kind":"host","labels":{},"logins":["root","alice"],"capabilities":["shell"]}),
        ];
        assert_eq!(
            table(items).unwrap(),
            "NAME  KIND     LOGINS      LABELS            CAPABILITIES\n\
             demo  host     demo        env=dev os=linux  shell exec\n\
             prod  cluster  -           -                 api\n\
             web1  host     root alice  -                 shell\n"
        );
    }
}
