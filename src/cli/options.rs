//! The command line. Every setting is also an option, made from the table of settings, so the two cannot differ.

use std::collections::HashMap;

use clap::{Arg, ArgAction, ArgGroup, ArgMatches, Command};

use crate::config::{Fallback, SETTINGS, Setting};

/// The whole command line.
pub(super) fn command() -> Command {
    let command = Command::new("stackdeck")
        .version(env!("CARGO_PKG_VERSION"))
        .about("A self-hosted dashboard for Cloud 66: see every stack you can reach, redeploy with proof, watch it land.")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(demo())
        .subcommand(with_settings(
            Command::new("serve").about("Run the app against Cloud 66. Settings come from options, the environment or .env"),
        ))
        .subcommand(sandbox())
        .subcommand(with_settings(
            Command::new("check").about("Read the settings, try what they name, and say what to mend"),
        ))
        .subcommand(healthcheck())
        .subcommand(sessions());
    // Not a command of the product: a released program does not know it.
    if cfg!(debug_assertions) {
        command.subcommand(gallery())
    } else {
        command
    }
}

fn demo() -> Command {
    Command::new("demo")
        .about("Run the app and a stand-in for Cloud 66 together on this machine. Nothing to configure, nothing kept")
        .arg(option("bind", "ADDRESS", "Where it listens; STACKDECK_BIND, or else 127.0.0.1:8066, where not given"))
        .arg(option("seed", "NUMBER", "Another number makes another company").default_value("66"))
        .arg(option("stacks", "NUMBER", "How many stacks the first person has"))
        .arg(option("deploy-seconds", "SECONDS", "How long a deploy takes, about").default_value("30"))
        .arg(option("fault", "FAULT", "Something that goes wrong at Cloud 66; may be given several times; see docs/sandbox.md").action(ArgAction::Append))
}

fn sandbox() -> Command {
    Command::new("sandbox")
        .about("Run the stand-in for Cloud 66 alone, for anybody who writes a Cloud 66 client")
        .arg(option("bind", "ADDRESS", "Where it listens").default_value("127.0.0.1:6600"))
        .arg(option("seed", "NUMBER", "Another number makes another company").default_value("66"))
        .arg(option(
            "stacks",
            "NUMBER",
            "How many stacks the first person has, to 10000",
        ))
        .arg(option("deploy-seconds", "SECONDS", "How long a deploy takes, about").default_value("30"))
        .arg(
            option(
                "strictness",
                "MODE",
                "2013 (the document as written) or doorkeeper (what the live server most likely does)",
            )
            .default_value("doorkeeper"),
        )
        .arg(
            option(
                "pkce",
                "MODE",
                "off (refuses a verifier), on (checks it) or ignored",
            )
            .default_value("on"),
        )
        .arg(option(
            "client-id",
            "ID",
            "The ready application's id, instead of a made-up one",
        ))
        .arg(option(
            "client-secret",
            "SECRET",
            "The ready application's secret, instead of a made-up one",
        ))
        .arg(
            option(
                "callback",
                "URL",
                "A callback of the ready application; may be given several times",
            )
            .action(ArgAction::Append),
        )
        .arg(option(
            "api-base",
            "URL",
            "The address under which clients reach it, where that is not where it listens",
        ))
        .arg(
            option(
                "fault",
                "FAULT",
                "Something that goes wrong; may be given several times; see docs/sandbox.md",
            )
            .action(ArgAction::Append),
        )
        .arg(
            Arg::new("control")
                .long("control")
                .action(ArgAction::SetTrue)
                .help("Offer /control: faults, clock and journal over HTTP"),
        )
        .arg(
            Arg::new("open-to-network")
                .long("open-to-network")
                .action(ArgAction::SetTrue)
                .help("Let other machines connect. Anybody who can is everybody in there"),
        )
}

fn gallery() -> Command {
    Command::new("gallery")
        .about("Show every page in every state, from samples; in development builds only")
        .arg(
            option("bind", "ADDRESS", "Where it listens; port 0 takes a free one")
                .default_value("127.0.0.1:8067"),
        )
}

/// With every setting of `serve`, so that the same options can be given to both; it needs but a few of them.
fn healthcheck() -> Command {
    with_settings(
        Command::new("healthcheck")
            .about("Ask the instance on this machine whether it can serve; for images without a shell"),
    )
}

fn sessions() -> Command {
    Command::new("sessions")
        .about("What an operator can do about people's sessions")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(
            with_settings(Command::new("end").about(
                "End the sessions of one person, or all of them. The app may be running: it notices within two seconds",
            ))
            .arg(option("user", "ID", "The person's number at Cloud 66, as the log has it at each sign-in"))
            .arg(
                Arg::new("all")
                    .long("all")
                    .action(ArgAction::SetTrue)
                    .help("Everybody's"),
            )
            .group(ArgGroup::new("whose").args(["user", "all"]).required(true)),
        )
}

fn option(name: &'static str, value: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).value_name(value).help(help)
}

/// Adds every setting as an option. A secret has only the option that names a file, because a command line can
/// be read by everybody on the machine.
fn with_settings(command: Command) -> Command {
    SETTINGS.iter().fold(command, |command, setting| {
        let command = if setting.secret {
            command
        } else {
            command.arg(setting_option(setting))
        };
        if setting.file {
            command.arg(file_option(setting))
        } else {
            command
        }
    })
}

fn setting_option(setting: &'static Setting) -> Arg {
    let default = match setting.fallback {
        Fallback::Value("") => String::new(),
        Fallback::Value(text) | Fallback::Words(text) => format!(" [default: {text}]"),
    };
    Arg::new(setting.name)
        .long(setting.option)
        .value_name("VALUE")
        .help(format!("{} ({}){default}", setting.meaning, setting.name))
        .hide_default_value(true)
}

fn file_option(setting: &'static Setting) -> Arg {
    // clap keeps names for as long as the program runs.
    let long: &'static str = format!("{}-file", setting.option).leak();
    let id: &'static str = setting.file_name().leak();
    Arg::new(id)
        .long(long)
        .value_name("FILE")
        .help(format!("A file that holds {}", setting.name))
}

/// The settings that were given as options, by the name of their variable.
pub(super) fn settings_given(options: &ArgMatches) -> HashMap<String, String> {
    SETTINGS
        .iter()
        .flat_map(|setting| [setting.name.to_owned(), setting.file_name()])
        .filter_map(|name| {
            let value = options.try_get_one::<String>(&name).ok().flatten()?;
            Some((name, value.clone()))
        })
        .collect()
}

/// An option's text, where it was given or has a default.
pub(super) fn text<'m>(options: &'m ArgMatches, name: &str) -> Option<&'m str> {
    options.get_one::<String>(name).map(String::as_str)
}

/// All texts of an option that may be given several times.
pub(super) fn texts(options: &ArgMatches, name: &str) -> Vec<String> {
    options
        .get_many::<String>(name)
        .map(|texts| texts.cloned().collect())
        .unwrap_or_default()
}

/// An option's text, parsed; the error says which option, and what is wrong with it.
pub(super) fn parsed<T>(options: &ArgMatches, name: &str) -> Result<Option<T>, String>
where
    T: std::str::FromStr,
    T::Err: std::fmt::Display,
{
    text(options, name)
        .map(|text| {
            text.parse()
                .map_err(|error| format!("--{name} is {text:?}: {error}"))
        })
        .transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        command().debug_assert();
    }

    #[test]
    fn no_secret_can_be_given_on_the_command_line() {
        let command = command();
        let serve = command.find_subcommand("serve").unwrap();
        for setting in SETTINGS.iter().filter(|setting| setting.secret) {
            assert!(
                serve
                    .get_arguments()
                    .all(|argument| argument.get_long() != Some(setting.option)),
                "{}",
                setting.name
            );
        }
    }

    #[test]
    fn options_are_known_by_their_settings_names() {
        let matches = command().get_matches_from([
            "stackdeck",
            "serve",
            "--bind",
            "127.0.0.1:9",
            "--secret-file",
            "/x",
        ]);
        let (_, serve) = matches.subcommand().unwrap();
        let given = settings_given(serve);
        assert_eq!(given.get("STACKDECK_BIND").unwrap(), "127.0.0.1:9");
        assert_eq!(given.get("STACKDECK_SECRET_FILE").unwrap(), "/x");
        assert_eq!(given.len(), 2);
    }
}
