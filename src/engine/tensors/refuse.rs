//! What a file is that holds no tensors, in words, with what to do.

/// What `head` is the beginning of, as the rest of a sentence about the file; none where it may be tensors.
pub(super) fn by_its_beginning(head: &[u8]) -> Option<&'static str> {
    let text = head.trim_ascii_start();
    let begins = |with: &[u8]| head.starts_with(with);
    let lower = text.iter().take(64).map(u8::to_ascii_lowercase).collect::<Vec<u8>>();
    if text.starts_with(b"version https://git-lfs") {
        return Some(
            "is not the file itself but a pointer that Git leaves in its place; run `git lfs pull` in its folder, or \
             download the file from its page",
        );
    }
    if lower.starts_with(b"<!doctype") || lower.starts_with(b"<html") || lower.starts_with(b"<?xml") {
        return Some(
            "is a web page that was saved under this name; open its address in a browser, log in where that is asked \
             for, and download the file again",
        );
    }
    if begins(b"GGUF") {
        return Some("is a GGUF file, whose quantized weights Podium does not read; get it as .safetensors");
    }
    if begins(b"\x1f\x8b") || begins(b"Rar!") || begins(b"7z\xbc\xaf") || begins(b"\xfd7zXZ") || begins(b"BZh") {
        return Some("is a packed archive; unpack it, and choose the file in it");
    }
    if head.get(257..262) == Some(b"ustar") {
        return Some("is a tar archive; unpack it, and choose the file in it");
    }
    if begins(b"\x89HDF") {
        return Some("is an HDF5 file, as Keras writes it; Podium reads torch's and safetensors files");
    }
    if begins(b"\x93NUMPY") {
        return Some("is a NumPy file; Podium reads torch's and safetensors files");
    }
    None
}

/// What unusable bytes seem to be, to follow "it is".
pub(super) fn guess(head: &[u8]) -> &'static str {
    let text = head.trim_ascii_start();
    if head.starts_with(b"\x89PNG") || head.starts_with(b"\xff\xd8\xff") || head.starts_with(b"RIFF") {
        "a picture"
    } else if head.starts_with(b"%PDF") {
        "a PDF"
    } else if text.starts_with(b"{") || text.starts_with(b"[") {
        "a JSON text"
    } else if head.iter().take(512).all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace()) {
        "a text"
    } else if head.iter().all(|byte| *byte == 0) {
        "filled with zeros, as a download that was broken off leaves it"
    } else {
        "of an unknown kind, or damaged"
    }
}
