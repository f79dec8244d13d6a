//! Reads an answer: whole, unpacked, and no larger than allowed.

use std::io::{self, Read as _};

use flate2::read::MultiGzDecoder;
use http_body_util::BodyExt as _;
use hyper::{
    body::{Body as _, Bytes, Incoming},
    header::{CONTENT_ENCODING, CONTENT_LENGTH},
};

use super::{HttpErrorKind, Response};

/// Reads an answer to its end.
pub(super) async fn read(
    answer: hyper::Response<Incoming>,
    max: usize,
) -> Result<Response, HttpErrorKind> {
    let (head, body) = answer.into_parts();
    let packed = match head.headers.get(CONTENT_ENCODING) {
        None => false,
        Some(name) if name.as_bytes().eq_ignore_ascii_case(b"identity") => false,
        Some(name) if name.as_bytes().eq_ignore_ascii_case(b"gzip") => true,
        Some(_) => return Err(HttpErrorKind::Packing),
    };
    let body = collect(body, max).await?;
    let mut headers = head.headers;
    let body = match packed {
        // The answer to HEAD, or "304 Not Modified", may tell of a packing without having a body.
        true if !body.is_empty() => {
            headers.remove(CONTENT_ENCODING);
            headers.remove(CONTENT_LENGTH);
            unpack(&body, max)?
        }
        _ => body,
    };
    Ok(Response {
        status: head.status,
        headers,
        body,
    })
}

async fn collect(mut body: Incoming, max: usize) -> Result<Bytes, HttpErrorKind> {
    let told = body.size_hint().lower();
    if usize::try_from(told).is_ok_and(|told| told > max) {
        return Err(HttpErrorKind::TooLarge(max));
    }
    let mut whole = Vec::new();
    while let Some(frame) = body.frame().await {
        // A body that is shorter than its headers say, or lacks its end, is an error too.
        let frame = frame.map_err(|_| HttpErrorKind::Cut)?;
        if let Some(data) = frame.data_ref() {
            if whole.len() + data.len() > max {
                return Err(HttpErrorKind::TooLarge(max));
            }
            whole.extend_from_slice(data);
        }
    }
    Ok(whole.into())
}

fn unpack(packed: &[u8], max: usize) -> Result<Bytes, HttpErrorKind> {
    let limit = u64::try_from(max).unwrap_or(u64::MAX).saturating_add(1);
    let mut whole = Vec::new();
    let read = MultiGzDecoder::new(packed)
        .take(limit)
        .read_to_end(&mut whole);
    match read {
        Ok(_) if whole.len() > max => Err(HttpErrorKind::TooLarge(max)),
        Ok(_) => Ok(whole.into()),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(HttpErrorKind::Cut),
        Err(_) => Err(HttpErrorKind::Packing),
    }
}
