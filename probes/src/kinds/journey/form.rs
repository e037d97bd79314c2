//! The value of a form field in an HTML page, and characters that HTML writes as references. It reads a page
//! tag by tag, as far as forms need it, and takes any page.

/// The value of the first field of that name: `input` and `button` have it in `value`, `meta` in `content`, and
/// `textarea` between its tags. A field without a value has an empty one.
pub(super) fn field(page: &str, name: &str) -> Option<String> {
    let mut rest = page;
    while let Some(open) = rest.find('<') {
        rest = &rest[open..];
        if let Some(comment) = rest.strip_prefix("<!--") {
            rest = comment.split_once("-->")?.1;
            continue;
        }
        let Some((tag, after)) = tag(&rest[1..]) else {
            rest = &rest[1..];
            continue;
        };
        rest = after;
        let is_wanted = tag.attribute("name").is_some_and(|own| own == name);
        match tag.name.as_str() {
            // Their content is no markup.
            "script" | "style" => rest = before_end(rest, &tag.name).1,
            "input" | "button" if is_wanted => return Some(tag.value("value")),
            "meta" if is_wanted => return Some(tag.value("content")),
            "textarea" => {
                let (content, after) = before_end(rest, "textarea");
                rest = after;
                if is_wanted {
                    // A browser drops the line break after the tag.
                    let content = content.strip_prefix('\r').unwrap_or(content);
                    return Some(decoded(content.strip_prefix('\n').unwrap_or(content)));
                }
            }
            _ => {}
        }
    }
    None
}

struct Tag {
    /// In lower case.
    name: String,
    /// Names in lower case; values without references.
    attributes: Vec<(String, String)>,
}

impl Tag {
    fn attribute(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(own, _)| own == name);
        found.map(|(_, value)| value.as_str())
    }

    fn value(&self, name: &str) -> String {
        self.attribute(name).unwrap_or_default().to_owned()
    }
}

/// The text before the end tag of that name, and the rest from it on.
fn before_end<'a>(text: &'a str, name: &str) -> (&'a str, &'a str) {
    let end = text.match_indices("</").find(|(at, _)| {
        let after = text.get(at + 2..at + 2 + name.len());
        after.is_some_and(|after| after.eq_ignore_ascii_case(name))
    });
    text.split_at(end.map_or(text.len(), |(at, _)| at))
}

/// The start tag whose `<` stands before `text`, and the text after its `>`.
fn tag(text: &str) -> Option<(Tag, &str)> {
    let length = text
        .find(|c: char| !c.is_ascii_alphanumeric())
        .filter(|length| *length > 0)?;
    let (name, mut rest) = text.split_at(length);
    let mut attributes = Vec::new();
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
        if rest.is_empty() {
            return None;
        }
        if let Some(after) = rest.strip_prefix('>') {
            let name = name.to_ascii_lowercase();
            return Some((Tag { name, attributes }, after));
        }
        let (attribute, after) = attribute(rest)?;
        attributes.push(attribute);
        rest = after;
    }
}

/// An attribute at the start of `text`, and the text after it. It is at least one character long.
fn attribute(text: &str) -> Option<((String, String), &str)> {
    let is_end = |c: char| c.is_ascii_whitespace() || matches!(c, '=' | '>' | '/');
    // An equals sign may begin a name.
    let first = text.chars().next()?.len_utf8();
    let length = text[first..]
        .find(is_end)
        .map_or(text.len(), |at| first + at);
    let (name, rest) = text.split_at(length);
    let name = name.to_ascii_lowercase();
    let Some(value) = rest.trim_start().strip_prefix('=') else {
        return Some(((name, String::new()), rest));
    };
    let value = value.trim_start();
    let (value, rest) = match value.chars().next() {
        Some(quote @ ('"' | '\'')) => value[1..].split_once(quote)?,
        _ => {
            let is_end = |c: char| c.is_ascii_whitespace() || c == '>';
            value.split_at(value.find(is_end).unwrap_or(value.len()))
        }
    };
    Some(((name, decoded(value)), rest))
}

/// The longest reference that is decoded, without `&` and `;`.
const REFERENCE: usize = 8;

/// The text without character references: numbers, and the five names that HTML needs.
pub(super) fn decoded(text: &str) -> String {
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        decoded.push_str(before);
        let end = after.bytes().take(REFERENCE + 1).position(|b| b == b';');
        let found = end.and_then(|end| Some((character(&after[..end])?, end + 1)));
        match found {
            Some((character, end)) => {
                decoded.push(character);
                rest = &after[end..];
            }
            None => {
                decoded.push('&');
                rest = after;
            }
        }
    }
    decoded.push_str(rest);
    decoded
}

fn character(reference: &str) -> Option<char> {
    let number = match reference {
        "amp" => return Some('&'),
        "lt" => return Some('<'),
        "gt" => return Some('>'),
        "quot" => return Some('"'),
        "apos" => return Some('\''),
        _ => reference.strip_prefix('#')?,
    };
    let code = match number.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16).ok()?,
        None => number.parse().ok()?,
    };
    char::from_u32(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_has_the_value_that_a_browser_would_send() {
        let page = r#"<!DOCTYPE html><html><head><meta name="csrf-token" content="m&amp;m">
            <!-- <input name="token" value="commented"> -->
            <script>let page = '<input name="token" value="script">';</script></head>
            <body><form method="post" action='/login?next=%2F'>
            <input type="hidden" name="token" value="a&quot;b&#39;c&#x26;d">
            <INPUT VALUE = 'single' NAME=single disabled/>
            <input name=bare value=x/y><input name="empty"/>
            <textarea name="text">
line &lt;1&gt;</textarea>
            <button name="go" value="1 < 2">Go</button></form>"#;
        for (name, value) in [
            ("csrf-token", Some("m&m")),
            ("token", Some("a\"b'c&d")),
            ("single", Some("single")),
            ("bare", Some("x/y")),
            ("empty", Some("")),
            ("text", Some("line <1>")),
            ("go", Some("1 < 2")),
            ("other", None),
        ] {
            assert_eq!(field(page, name).as_deref(), value, "{name}");
        }
    }

    #[test]
    fn no_page_is_too_broken() {
        for page in [
            "",
            "<",
            "<<<",
            "<input",
            "<input name=",
            "<input name='x",
            "<!--",
            "<input =>",
            "<ä>",
            "<script>",
            "<textarea name=x>",
            "&",
            "<input name=x value=\"",
            "<input \u{e9}=1>",
        ] {
            let _ = field(page, "x");
        }
        assert_eq!(field("<textarea name=x>a", "x").as_deref(), Some("a"));
        assert_eq!(field("< <input name=x value=1>", "x").as_deref(), Some("1"));
    }

    #[test]
    fn references_that_are_not_known_stay() {
        assert_eq!(
            decoded("a&b &nbsp; &#0; &#xD800; &amp"),
            "a&b &nbsp; \0 &#xD800; &amp"
        );
        assert_eq!(decoded("&#x1F600;&amp;amp;"), "\u{1F600}&amp;");
        assert_eq!(decoded("&ä;"), "&ä;");
    }
}
