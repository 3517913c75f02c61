use super::*;
use treering_token::bundle::Blinding;

fn claims(text: impl AsRef<[u8]>) -> Result<Claims, ClaimsError> {
    Table::new("t.csv".to_owned(), text.as_ref(), Path::new("/home/ada")).claims(false)
}

fn refused(text: impl AsRef<[u8]>) -> String {
    claims(text).unwrap_err().to_string()
}

const NOTHING: [Option<String>; 3] = [None, None, None];

fn header() -> RunHeader {
    RunHeader { holder: Some("Ada".to_owned()), ..RunHeader::new(Blinding::Own) }
}

fn said(claims: &Claims, file: &str) -> [Option<String>; 3] {
    let own = claims.own(Path::new(file), &header()).unwrap();
    [own.holder, own.agent, own.title]
}

#[test]
fn columns_are_optional_and_in_any_order() {
    let text = "\u{feff}title,path,holder\r\nContract,d/a,\"Müller, Ltd\"\r\n,./d/./b,Ada\r\n\"two\nlines\",/srv/c,\r\n";
    let claims = claims(text).unwrap();
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(said(&claims, "./d/a"), [text("Müller, Ltd"), None, text("Contract")]);
    assert_eq!(said(&claims, "/home/ada/d/b"), NOTHING, "Ada is what the header has");
    assert_eq!(said(&claims, "/srv/c"), [None, None, text("two\nlines")]);
    assert_eq!(said(&claims, "elsewhere"), NOTHING, "as the command line says");
    assert_eq!(claims.unused().len(), 0);
}

#[test]
fn a_path_that_no_file_has_is_told() {
    let claims = claims("path,title\nd/a,A\nd/b,B\n/srv/c,C\n").unwrap();
    said(&claims, "d/b");
    let unused: Vec<_> = claims.unused().iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(unused.join("\n"), @"
    the table t.csv, line 2: no file that was stamped has the path d/a
    the table t.csv, line 4: no file that was stamped has the path /srv/c
    ");
}

#[test]
fn strict_refuses_a_file_without_a_row() {
    let strict = Table::new("t.csv".to_owned(), b"path\na\n", Path::new("/")).claims(true);
    assert!(strict.as_ref().unwrap().own(Path::new("a"), &header()).is_some());
    assert!(strict.unwrap().own(Path::new("b"), &header()).is_none());
}

#[test]
fn each_refusal_says_where_and_what() {
    insta::assert_snapshot!(refused(""), @"the table t.csv is empty: its first row names its columns, such as path,holder,title");
    insta::assert_snapshot!(refused("path,owner\n"), @r#"the table t.csv, line 1: "owner" is no column: there are path, holder, agent and title"#);
    insta::assert_snapshot!(refused("path,title,title\n"), @"the table t.csv, line 1: the column title is there twice");
    insta::assert_snapshot!(refused("title\n"), @"the table t.csv, line 1: there is no column path; the first row names the columns, such as path,holder,title");
    insta::assert_snapshot!(refused(b"path,title\na,b\n\nc,\xff\n"), @"the table t.csv, line 4, column 2: not valid UTF-8");
    insta::assert_snapshot!(refused(b"path,title\r\n\"a\nb\",c\r\n\r\nd,\xff\r\n"), @"the table t.csv, line 5, column 2: not valid UTF-8");
    insta::assert_snapshot!(refused("path,title\na,b\nc,d,e\n"), @"the table t.csv, line 3: it has 3 columns, and the first row has 2");
    insta::assert_snapshot!(refused("title,path\na,\n"), @"the table t.csv, line 2, column 2: the path is empty");
    insta::assert_snapshot!(refused(format!("path,agent\na,{}\n", "é".repeat(513))), @"the table t.csv, line 2, column 2: the agent's name has 1026 bytes, and a claim has room for 1,024");
    insta::assert_snapshot!(refused("path\na\nb\n./a\n"), @"the table t.csv, line 4: a has a row already, in line 2");
}
