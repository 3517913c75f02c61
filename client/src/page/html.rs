//! The page's frame and its fixed words.

use treering_token::escape;

/// Text between tags or in quotes: neither markup nor characters that act on how it is shown.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' => out.push(c),
            c if c.is_control() || escape::is_treacherous(c) => out.push_str(&c.escape_unicode().to_string()),
            c => out.push(c),
        }
    }
    out
}

/// A row of two cells.
pub(super) fn row(what: &str, text: &str) -> String {
    format!("<tr><th scope=\"row\">{}</th><td>{}</td></tr>", escaped(what), escaped(text))
}

/// The whole page.
pub(super) fn document(title: &str, body: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
         content=\"width=device-width\">\n<title>{}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n\
         </body>\n</html>\n",
        escaped(title)
    )
}

const STYLE: &str = "\
body { margin: 0; background: #fff; color: #111; font: 16px/1.5 Georgia, 'Times New Roman', serif; }
main { max-width: 46em; margin: 0 auto; padding: 1.5em; }
h1 { font-size: 1.6em; overflow-wrap: anywhere; }
h2 { margin-top: 2em; border-bottom: 1px solid #888; font-size: 1.25em; }
h3 { font-size: 1.05em; margin: 1.2em 0 0.3em; }
.verdict { font-size: 1.2em; border: 2px solid #111; padding: 0.6em 0.8em; }
table { border-collapse: collapse; width: 100%; }
th, td { border: 1px solid #aaa; padding: 0.3em 0.5em; text-align: left; vertical-align: top; overflow-wrap: anywhere; }
th { font-weight: normal; background: #f3f3f3; overflow-wrap: break-word; }
code, pre { font: 13px/1.4 'DejaVu Sans Mono', Consolas, monospace; overflow-wrap: anywhere; }
pre { white-space: pre-wrap; margin: 0.3em 0; padding: 0.5em; background: #f3f3f3; border-left: 3px solid #888; }
pre.out { background: #fff; border: 1px solid #aaa; border-left: 3px solid #2a7; }
pre.out:empty { display: none; }
pre.token { font-size: 11px; }
.prints { margin: 0; font-size: 0.85em; color: #444; }
@media print {
  body { font-size: 10.5pt; }
  main { max-width: none; padding: 0; }
  pre, code { font-size: 8pt; }
  pre { background: #fff; border: 1px solid #999; }
  h2, h3 { break-after: avoid; }
  tr, .verdict { break-inside: avoid; }
}
@page { margin: 18mm; }
";

pub(super) const BY_HAND: &str = "<p><strong>By hand:</strong> with a shell on any Linux machine, <code>sha256sum</code>, \
<code>xxd</code> and <code>openssl</code> (3.0 or newer), none of which knows anything of Treering. Work in an empty directory into \
which you have copied the file. Paste one command after the other; under each stands what it must print. If one prints anything \
else, the evidence does not hold, or the file is another.</p>";

pub(super) const NOT_SHOWN: &str = "<section><h2>What is not shown</h2><ul>\
<li>Who made the file, or that what it says is true.</li>\
<li>That nobody had it earlier: it existed <em>before</em> the time above, perhaps long before.</li>\
<li>Its name, path and size: only its bytes were stamped.</li>\
<li>The names above, if there are any: they are what whoever stamped the file wrote.</li>\
<li>Leap seconds, and the error of a witness&#39;s clock.</li>\
<li>That the keys below belong to those whose names they bear: compare them with what their owners publish.</li>\
</ul></section>";

pub(super) const POLICY: &str = "<section><h2>The policy: whose word counts</h2><p>Everything rests on these keys. They do not come \
from the token, but from whoever made this page. Compare each fingerprint above with what the log&#39;s and each witness&#39;s operator \
publishes, tells you over the telephone, or has deposited.</p>";

pub(super) const WORDS: &str = "<section><h2>Words</h2><table>\
<tr><th scope=\"row\">digest</th><td>a number of fixed length made of all bytes of a file, here mostly SHA-256</td></tr>\
<tr><th scope=\"row\">log</th><td>a public list of entries that can only grow, kept by one operator</td></tr>\
<tr><th scope=\"row\">witness</th><td>somebody independent of the log, who signs its state with the time on their own clock, after \
checking that it only grew</td></tr>\
<tr><th scope=\"row\">checkpoint</th><td>the log&#39;s signed statement: this many entries, this root</td></tr>\
<tr><th scope=\"row\">token</th><td>all that stands between the file and those signatures, in one small file</td></tr>\
<tr><th scope=\"row\">policy</th><td>the list of keys whose word counts, and how many of them must have signed</td></tr>\
</table></section>";
