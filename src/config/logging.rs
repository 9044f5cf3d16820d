//! What is logged, and in which form.

/// The form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line, for machines.
    Json,
}

pub(super) fn parse_format(text: &str) -> Result<LogFormat, String> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err(format!("is {text:?}. Write text or json.")),
    }
}

/// Checks that the filter can be used. The error reads on from the setting's name.
pub(super) fn parse_filter(text: &str) -> Result<String, String> {
    // A word alone would count as a module's name, and a misspelt level would silence everything.
    let misspelt = text
        .split(',')
        .map(str::trim)
        .any(|part| !part.contains(['=', '[']) && !is_level(part));
    if misspelt || tracing_subscriber::EnvFilter::builder().parse(text).is_err() {
        return Err(format!(
            "is {text:?}. Write off, error, warn, info, debug or trace, alone or for a module: \
             info,stackdeck::cloud66=debug."
        ));
    }
    Ok(text.to_owned())
}

fn is_level(word: &str) -> bool {
    ["off", "error", "warn", "info", "debug", "trace"]
        .iter()
        .any(|level| level.eq_ignore_ascii_case(word))
}
