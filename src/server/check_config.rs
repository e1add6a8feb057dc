//! `serve --check-config`: prints the effective settings with their sources, and validates them.

use std::fmt::Write as _;

use serde_json::Value;

use super::{error::Error, output, settings::Settings, warnings};
use crate::{
    cli::{self, ServeArgs, Setting, Source},
    http::Tls,
    store,
};

/// Column of the comment with the source, if the value is short enough.
const REMARK_COLUMN: usize = 48;

/// Prints the settings as a configuration file, then validates them. Starts nothing, and does not open the database.
pub(super) fn check(args: ServeArgs, settings: &[Setting]) -> Result<(), Error> {
    for setting in settings {
        output::line(line(setting))?;
    }
    let settings = Settings::new(args)?;
    let tls = settings.tls.clone().map(Tls::read).transpose()?;
    warnings::of_settings(&settings, tls.as_ref());
    Ok(())
}

/// Formats a setting as a line of a configuration file. It is a comment if the setting is not set, or cannot be set in
/// a file.
fn line(setting: &Setting) -> String {
    let source = match &setting.source {
        Source::CommandLine => "command line".to_owned(),
        Source::Variable(name) => name.clone(),
        Source::File(path) => path.display().to_string(),
        Source::Default => "default".to_owned(),
    };
    if setting.values.is_empty() && !setting.is_list {
        return format!("# {} is not set", setting.name);
    }
    let mut line = format!("{} = {}", setting.name, value(setting));
    if cli::is_of_the_command_line(&setting.name) {
        line.insert_str(0, "# ");
    }
    let room = REMARK_COLUMN.saturating_sub(line.chars().count()).max(1);
    // Writing to a string cannot fail.
    let _ = write!(line, "{:room$}# {source}", "");
    line
}

fn value(setting: &Setting) -> String {
    let shown: Vec<String> = setting.values.iter().map(|value| shown(setting, value)).collect();
    match &shown[..] {
        values if setting.is_list => format!("[{}]", values.join(", ")),
        [value] => value.clone(),
        _ => String::new(),
    }
}

/// Formats the value as TOML, without secrets.
fn shown(setting: &Setting, value: &str) -> String {
    let is_plain = setting.is_switch || (!setting.is_list && value.parse::<i64>().is_ok_and(|number| number >= 0));
    if is_plain {
        return value.to_owned();
    }
    // A database URL is printed without user and password, a master key not at all.
    let shown = match (setting.is_secret, value.parse::<store::Config>()) {
        (true, Ok(store::Config::Postgres(server))) => store::Config::Postgres(server).to_string(),
        (true, Err(_)) => "(hidden)".to_owned(),
        _ => without_user(value),
    };
    // A JSON string is a valid TOML string.
    Value::String(shown).to_string()
}

/// Removes user and password from a URL.
fn without_user(value: &str) -> String {
    let Some((scheme, rest)) = value.split_once("://") else { return value.to_owned() };
    let end = rest.find('/').unwrap_or(rest.len());
    let host = rest[..end].rfind('@').map_or(0, |at| at + 1);
    format!("{scheme}://{}{}", if host > 0 { "(hidden)@" } else { "" }, &rest[host..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(name: &str, values: &[&str]) -> Setting {
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        let (is_list, is_switch, is_secret, source) = (false, false, false, Source::Default);
        Setting { name: name.into(), values, is_list, is_switch, is_secret, source }
    }

    #[test]
    fn a_setting_is_a_line_with_its_source() {
        assert_eq!(line(&setting("keep-messages", &["500"])), format!("{:48}# default", "keep-messages = 500"));
        assert_eq!(line(&setting("tls-key", &[])), "# tls-key is not set");
        let listed =
            Setting { is_list: true, ..setting("allowed-origin", &["https://a.example", "https://b.example"]) };
        assert!(line(&listed).starts_with(r#"allowed-origin = ["https://a.example", "https://b.example"] # "#));
        let none = Setting { is_list: true, ..setting("allowed-origin", &[]) };
        assert!(line(&none).starts_with("allowed-origin = [] "));
    }

    #[test]
    fn secrets_are_hidden() {
        let secret = |name: &str, value: &str| line(&Setting { is_secret: true, ..setting(name, &[value]) });
        assert!(secret("master-key", "c2VjcmV0").starts_with(r#"master-key = "(hidden)""#));
        assert!(!secret("database", "postgres://chatgraph:hunter2@db/chats").contains("hunter2"));
        assert!(!secret("database", "postgres://chatgraph:hunter2@").contains("hunter2"));
        assert!(secret("database", "sqlite:/srv/chats.db").contains("sqlite:/srv/chats.db"));
        let url = line(&setting("otlp-endpoint", &["http://me:hunter2@collector:4318/x@y"]));
        assert!(url.contains(r#""http://(hidden)@collector:4318/x@y""#), "{url}");
    }
}
