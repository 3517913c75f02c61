//! The log behind nginx, with the very file that the docs show: only ports and paths of certificates are replaced.

use std::{fs, path::Path, process::Command};

use reqwest::blocking::{Body, Client as Https};
use treering_tests::{
    certificates::{self, Ca},
    client::Client,
    log::OCTETS,
    net::{self, free_port},
    process::Process,
    programs, wait,
};

const EXAMPLE: &str = include_str!("../../docs/examples/nginx.conf");

/// Debian puts it where not every PATH looks.
fn nginx() -> String {
    let outside = "/usr/sbin/nginx";
    let name = if Path::new(outside).exists() { outside } else { "nginx" };
    name.to_owned()
}

#[test]
fn the_proxy_of_the_docs_keeps_what_matters() {
    if !certificates::is_possible() || !programs::has_tool(&nginx(), "-v") {
        return programs::skipped(
            "proxy",
            "nginx or openssl is not here: scripts/deps.sh test installs them",
        );
    }
    let net = net::plan()
        .set("trusted_proxies", "[\"127.0.0.1\"]")
        .set("max_hashes", "200000")
        .set("window_seconds", "3600")
        .make();
    let mut net = net;
    // Under [rate_limits], the last table: by address, and the address is in the header alone.
    net.log.configure("address_requests = 3\n");
    net.log.start();
    net.log.wait_idle();
    let ca = Ca::new(&net.dir().join("ca"));
    let port = free_port();
    let _nginx = start(&net.new_dir("nginx"), &ca, port, net.log.public().base());
    let url = format!("https://localhost:{port}");
    let root = reqwest::Certificate::from_pem(&fs::read(ca.root()).unwrap()).unwrap();
    let https = Https::builder().tls_certs_only([root]).no_proxy().build().unwrap();
    wait::until("nginx answers", || https.get(format!("{url}/checkpoint")).send().ok());

    // A stamp: the submission, its wait, the receipt.
    let dir = net.new_dir("files");
    fs::write(dir.join("a"), "a").unwrap();
    let client = Client::new(&net.dir().join("home"), &url, &net.policy_file());
    client.run(&dir, ["stamp", "a", "--cacert", ca.root().to_str().unwrap()]).expect(0);
    client.run(&dir, ["verify", "a"]).expect(0);

    // A bulk body of 6 MB of unknown length, with Prefer: what was granted comes back.
    let post = |count: usize| {
        let body = Body::new(std::io::Cursor::new(vec![7; 32 * count]));
        let request = https.post(format!("{url}/v1/submissions")).header("content-type", OCTETS);
        // Written by a client itself: the proxy's word counts.
        request
            .header("prefer", "wait=20")
            .header("x-forwarded-for", "198.51.100.7")
            .body(body)
            .send()
            .unwrap()
    };
    let answer = post(190_000);
    assert_eq!(answer.status().as_u16(), 200, "{answer:?}");
    assert_eq!(answer.headers()["preference-applied"], "wait=20");
    assert_eq!(answer.headers()["ratelimit"].to_str().unwrap().split(';').nth(1), Some("r=1"));
    // Too much: the log's own 413 with its reason, not the proxy's.
    let answer = post(200_001);
    assert_eq!(answer.status().as_u16(), 413);
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    assert!(answer.text().unwrap().contains("urn:treering:problem:too_many_hashes"));
    // The client's address is counted through the proxy, and not what the client says.
    let answer = post(1);
    assert_eq!(answer.status().as_u16(), 429, "{answer:?}");
    assert!(answer.headers().contains_key("retry-after"));
    // The proxy itself, and so whoever comes through it from elsewhere, has an account of its own.
    let elsewhere = [("content-type", OCTETS), ("x-forwarded-for", "198.51.100.8")];
    net.log.public().post("/v1/submissions", &elsewhere, [1; 32]).expect_status(202);
}

fn start(dir: &Path, ca: &Ca, port: u16, log: &str) -> Process {
    let (chain, key) = (dir.join("chain.pem"), dir.join("key.pem"));
    ca.issue(10, &chain, &key);
    let replaced = |text: String, from: &str, to: &str| {
        assert!(text.contains(from), "{from} is not in docs/examples/nginx.conf");
        text.replace(from, to)
    };
    let text =
        replaced(EXAMPLE.to_owned(), "listen 443 ssl http2;", &format!("listen 127.0.0.1:{port} ssl http2;"));
    // Not every machine has IPv6.
    let text = replaced(text, "    listen [::]:443 ssl http2;\n", "");
    let text = replaced(text, "127.0.0.1:7460", log.strip_prefix("http://").expect("a URL"));
    let text =
        replaced(text, "/etc/letsencrypt/live/log.example.com/fullchain.pem", chain.to_str().expect("text"));
    let text =
        replaced(text, "/etc/letsencrypt/live/log.example.com/privkey.pem", key.to_str().expect("text"));
    fs::write(dir.join("treering-log.conf"), text).expect("a file");
    let at = dir.display();
    let main = format!(
        "daemon off; master_process off; pid {at}/pid; error_log stderr;\nevents {{}}\nhttp {{\n  access_log off;\n  \
         client_body_temp_path {at}/body;\n  proxy_temp_path {at}/proxy;\n  fastcgi_temp_path {at}/fastcgi;\n  \
         uwsgi_temp_path {at}/uwsgi;\n  scgi_temp_path {at}/scgi;\n  include {at}/treering-log.conf;\n}}\n"
    );
    fs::write(dir.join("nginx.conf"), main).expect("a file");
    Process::start("nginx", Command::new(nginx()).arg("-c").arg(dir.join("nginx.conf")), dir)
}
