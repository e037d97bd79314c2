//! A host with a port, as other monitors write it.

/// Host and port of `host:port/rest`, IPv6 in brackets.
pub(crate) fn place(text: &str) -> Result<(String, Option<i64>), String> {
    let text = text.split(['/', '?', '#']).next().unwrap_or_default();
    let unfit = || format!("`{text}` is not a host with a port");
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']').ok_or_else(unfit)?;
            (host, after.strip_prefix(':'))
        }
        None if text.matches(':').count() > 1 => (text, None),
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let port = port
        .map(|port| {
            port.parse::<u16>()
                .ok()
                .filter(|port| *port > 0)
                .ok_or_else(unfit)
        })
        .transpose()?;
    match host.is_empty() || host.contains(['$', '@', ' ', '%', '<', '{']) {
        true => Err(unfit()),
        false => Ok((host.to_owned(), port.map(i64::from))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_ports_are_told_apart() {
        for (text, host, port) in [
            ("a.example.org:80/x", "a.example.org", Some(80)),
            ("[2001:db8::1]:443", "2001:db8::1", Some(443)),
            ("2001:db8::1", "2001:db8::1", None),
            ("a.example.org", "a.example.org", None),
        ] {
            assert_eq!(place(text), Ok((host.to_owned(), port)));
        }
        for text in ["", ":80", "a:0", "a:http", "${HOST}:80", "[::1"] {
            assert!(place(text).is_err(), "{text}");
        }
    }
}
