//! The functions that `--mark-on` names.

use busprobe_capture::native::MarkOn;

/// `SYMBOL`, `MODULE:SYMBOL`, and `=TEXT` after either.
pub(super) fn parse(words: &str) -> Result<MarkOn, String> {
    let (place, text) = match words.split_once('=') {
        Some((place, text)) => (place, Some(text)),
        None => (words, None),
    };
    if place.contains("::") {
        return Err(
            "a function is named as the symbol table has it, so one of C++ or Rust in its \
                    mangled form: `nm` shows it"
                .to_owned(),
        );
    }
    let (module, function) = match place.rsplit_once(':') {
        Some((module, function)) => (Some(module), function),
        None => (None, place),
    };
    if function.is_empty() || module.is_some_and(str::is_empty) || text.is_some_and(str::is_empty) {
        return Err("a function is SYMBOL or MODULE:SYMBOL, with or without =TEXT: reset, \
                    libc:memcpy=copy"
            .to_owned());
    }
    Ok(MarkOn {
        function: function.to_owned(),
        module: module.map(str::to_owned),
        text: text.unwrap_or(function).to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_has_a_module_and_a_text_or_not() {
        let mark = |function: &str, module: Option<&str>, text: &str| MarkOn {
            function: function.to_owned(),
            module: module.map(str::to_owned),
            text: text.to_owned(),
        };
        assert_eq!(parse("reset"), Ok(mark("reset", None, "reset")));
        assert_eq!(parse("reset=a=b: c"), Ok(mark("reset", None, "a=b: c")));
        assert_eq!(parse("libc:memcpy"), Ok(mark("memcpy", Some("libc"), "memcpy")));
        assert_eq!(parse("/a:b/x:f=go"), Ok(mark("f", Some("/a:b/x"), "go")));
        for wrong in ["", "=x", "f=", "libc:", ":f", "Device::reset"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
