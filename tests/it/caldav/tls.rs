//! Certificates: a server of one's own, whose certificate nobody has signed.

use calsync::{
    clock::Clock,
    http::Roots,
    provider::{ErrorKind, ProviderError, caldav::Offer},
};
use rcgen::{BasicConstraints, Certificate, CertificateParams, DnType, IsCa, Issuer, KeyPair};

use crate::support::{
    dav::{DavServer, Kind, account_of, dav},
    program::{Home, write},
    shore::poll_out,
};

fn self_signed(names: &[&str], is_ca: bool) -> (Certificate, KeyPair) {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.distinguished_name.push(DnType::CommonName, "test");
    if is_ca {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    }
    let key = KeyPair::generate().unwrap();
    (params.self_signed(&key).unwrap(), key)
}

fn ask(server: &DavServer, trusted: Option<&str>) -> Result<Vec<Offer>, ProviderError> {
    let url = server.url().replace("http://", "https://");
    let mut dav = dav(&url);
    dav.roots = trusted.map(|pem| Roots::read(pem.as_bytes()).unwrap());
    poll_out(account_of(&dav, &Clock::System).calendars())
}

#[test]
fn a_certificate_that_signed_itself_is_trusted_once_it_is_named() {
    // As `openssl req -x509` makes it: an authority of its own, and for no name.
    for names in [&["127.0.0.1"][..], &[]] {
        let (certificate, key) = self_signed(names, true);
        let pair = (&*certificate.pem(), &*key.serialize_pem());
        let Some(server) = DavServer::start(Kind::Radicale, Some(pair)) else {
            return;
        };
        let error = ask(&server, None).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Broken);
        assert!(error.message.contains("not trusted"), "{error}");
        assert!(error.message.contains("`ca_file`"), "{error}");
        assert_eq!(ask(&server, Some(&certificate.pem())), Ok(Vec::new()));
        let (other, _) = self_signed(names, true);
        let error = ask(&server, Some(&other.pem())).unwrap_err();
        assert!(error.message.contains("not trusted"), "{error}");
    }
}

#[test]
fn a_feed_with_a_certificate_of_ones_own_is_read_once_that_is_named() {
    let (certificate, key) = self_signed(&["127.0.0.1"], true);
    let pair = (&*certificate.pem(), &*key.serialize_pem());
    let Some(server) = DavServer::start(Kind::Radicale, Some(pair)) else {
        return;
    };
    let home = Home::with(&["home"]);
    write(&home.path("server.pem"), certificate.pem().as_bytes());
    let url = server.url().replace("http://", "https://");
    for (ca_file, words) in [
        ("", "its certificate signed itself"),
        // It is trusted now, and is no feed.
        ("ca_file = \"~/server.pem\"", "the feed at 127.0.0.1:"),
    ] {
        home.configure(&format!(
            "timezone = \"UTC\"\n[calendars.home]\npath = \"cal/home\"\n[calendars.school]\nfeed = \"{url}/\"\n{ca_file}\n"
        ));
        let ran = home.expect(5, &["check"]);
        assert!(ran.all().contains(words), "{ran:?}");
        assert_eq!(
            ran.all().contains("`ca_file`"),
            ca_file.is_empty(),
            "{ran:?}"
        );
    }
}

#[test]
fn http_where_https_is_spoken_is_told() {
    let (certificate, key) = self_signed(&["127.0.0.1"], true);
    let pair = (&*certificate.pem(), &*key.serialize_pem());
    let Some(server) = DavServer::start(Kind::Radicale, Some(pair)) else {
        return;
    };
    let asked = |url: &str| poll_out(account_of(&dav(url), &Clock::System).calendars());
    let error = asked(&server.url()).unwrap_err();
    assert!(error.message.contains("If it speaks https"), "{error}");
}

#[test]
fn an_authority_of_ones_own_is_trusted_once_it_is_named() {
    let (authority, authority_key) = self_signed(&[], true);
    let mut params = CertificateParams::new([]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "test");
    let issuer = Issuer::new(params, authority_key);
    let signed = |name: &str| {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        (params.signed_by(&key, &issuer).unwrap(), key)
    };
    for (name, fits) in [("127.0.0.1", true), ("other.example.org", false)] {
        let (certificate, key) = signed(name);
        let pair = (&*certificate.pem(), &*key.serialize_pem());
        let Some(server) = DavServer::start(Kind::Radicale, Some(pair)) else {
            return;
        };
        let answer = ask(&server, Some(&authority.pem()));
        assert_eq!(answer.is_ok(), fits, "{name}: {answer:?}");
    }
}
