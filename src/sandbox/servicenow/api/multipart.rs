//! `multipart/form-data`, as far as an upload needs it.

/// A form with at most one file.
pub(super) struct Form<'a> {
    pub(super) fields: Vec<(String, String)>,
    pub(super) file: Option<File<'a>>,
}

/// The file of a form.
pub(super) struct File<'a> {
    pub(super) name: String,
    pub(super) content_type: String,
    pub(super) bytes: &'a [u8],
}

/// Reads a form; none without a boundary.
pub(super) fn read<'a>(content_type: &str, body: &'a [u8]) -> Option<Form<'a>> {
    let boundary = content_type.split(';').find_map(|p| p.trim().strip_prefix("boundary="))?;
    let mark = format!("--{}", boundary.trim_matches('"')).into_bytes();
    let mut form = Form { fields: Vec::new(), file: None };
    let mut at = find(body, &mark, 0)? + mark.len();
    while let Some(end) = find(body, &mark, at) {
        part(&mut form, body.get(at..end)?);
        at = end + mark.len();
    }
    Some(form)
}

fn part<'a>(form: &mut Form<'a>, bytes: &'a [u8]) {
    let Some(split) = find(bytes, b"\r\n\r\n", 0) else { return };
    let (head, rest) = bytes.split_at(split);
    let content = rest.get(4..).unwrap_or_default();
    let content = content.strip_suffix(b"\r\n").unwrap_or(content);
    let head = String::from_utf8_lossy(head);
    let attribute = |name: &str| {
        let start = head.find(&format!("; {name}=\""))? + name.len() + 4;
        let rest = head.get(start..)?;
        Some(rest.get(..rest.find('"')?)?.to_owned())
    };
    let Some(name) = attribute("name") else { return };
    match attribute("filename") {
        Some(file) => {
            let kind = head.lines().find_map(|line| {
                let (header, value) = line.split_once(':')?;
                header.eq_ignore_ascii_case("content-type").then(|| value.trim().to_owned())
            });
            let content_type = kind.unwrap_or_else(|| "application/octet-stream".into());
            form.file = Some(File { name: file, content_type, bytes: content });
        }
        None => form.fields.push((name, String::from_utf8_lossy(content).into_owned())),
    }
}

fn find(haystack: &[u8], needle: &[u8], from: usize) -> Option<usize> {
    haystack.get(from..)?.windows(needle.len()).position(|w| w == needle).map(|at| at + from)
}
