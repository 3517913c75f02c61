//! Commands in texts.

/// What is to be run at once.
#[derive(Debug)]
pub(super) struct Block {
    /// Where it begins, from 1.
    pub(super) line: usize,
    pub(super) text: String,
}

/// The shell sessions of a Markdown text: blocks fenced as `sh`, and indented ones.
pub(super) fn blocks(markdown: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let (mut fence, mut indented) = (None::<bool>, false);
    for (number, line) in markdown.lines().enumerate() {
        if let Some(kind) = line.strip_prefix("```") {
            fence = if fence.is_some() { None } else { Some(kind == "sh") };
            if fence == Some(true) {
                blocks.push(Block { line: number + 2, text: String::new() });
            }
            indented = false;
            continue;
        }
        let text = match (fence, line.strip_prefix("    ")) {
            (Some(true), _) => line,
            (None, Some(line)) => {
                if !indented {
                    blocks.push(Block { line: number + 1, text: String::new() });
                }
                indented = true;
                line
            }
            _ => {
                indented = false;
                continue;
            }
        };
        let block = blocks.last_mut().expect("one was begun");
        block.text.push_str(text);
        block.text.push('\n');
    }
    blocks
}

/// The commands of a help text's `Examples:`, each by itself; a line that ends in `\` goes on.
pub(super) fn examples(help: &str) -> Vec<Block> {
    let Some((before, after)) = help.split_once("Examples:\n") else { return Vec::new() };
    let first = before.lines().count() + 2;
    let mut examples: Vec<Block> = Vec::new();
    let mut goes_on = false;
    for (number, line) in after.lines().take_while(|line| line.starts_with("  ")).enumerate() {
        match examples.last_mut() {
            Some(example) if goes_on => {
                example.text.push('\n');
                example.text.push_str(line);
            }
            _ => examples.push(Block { line: first + number, text: line.trim_start().to_owned() }),
        }
        goes_on = line.ends_with('\\');
    }
    examples
}

/// The names under `Commands:`, but for `help` itself.
pub(super) fn subcommands(help: &str) -> Vec<String> {
    let Some((_, after)) = help.split_once("Commands:\n") else { return Vec::new() };
    after
        .lines()
        .take_while(|line| !line.is_empty())
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect()
}

#[test]
fn commands_are_found_in_texts() {
    let markdown = "text\n\n    one   # said\n    two\n\n```sh\nthree\n\nfour\n```\n\n```\nno shell\n```\n- item\n\n    five\n";
    let found: Vec<_> = blocks(markdown).into_iter().map(|block| (block.line, block.text)).collect();
    let want = [(3, "one   # said\ntwo\n"), (7, "three\n\nfour\n"), (17, "five\n")];
    assert_eq!(found, want.map(|(line, text)| (line, text.to_owned())));
    let help = "About\n\nOptions:\n  -q\n\nExamples:\n  treering a \\\n    b\n  treering c\n\nmore\n";
    let found: Vec<_> = examples(help).into_iter().map(|block| (block.line, block.text)).collect();
    assert_eq!(found, [(7, "treering a \\\n    b".to_owned()), (9, "treering c".to_owned())]);
    assert_eq!(
        subcommands("Usage\n\nCommands:\n  stamp  Files\n         more\n  help   Help\n\nOptions:\n  -h\n"),
        ["stamp"]
    );
}
