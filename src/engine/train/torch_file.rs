//! Writes torch's own files (`.pth`), as `torch.save` does: a zip archive with a pickle of protocol 2 and the numbers beside
//! it. What is written is a dictionary of dictionaries of float32 tensors, all that an ED-LoRA is.

use std::io::{Cursor, Write};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// What a torch file holds.
pub enum Value<'a> {
    /// By name, in order.
    Dict(Vec<(String, Value<'a>)>),
    /// Numbers, row by row, and their shape.
    Tensor(&'a [f32], Vec<usize>),
}

/// Where torch's own reader wants numbers to begin.
const ALIGNMENT: u16 = 64;

/// The bytes of a torch file.
///
/// # Errors
/// When an archive of this size cannot be written.
pub fn bytes(value: &Value<'_>) -> std::io::Result<Vec<u8>> {
    let mut tensors = Vec::new();
    let mut pickle = vec![0x80, 2];
    write_value(value, &mut pickle, &mut tensors);
    pickle.push(b'.');
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored).with_alignment(ALIGNMENT);
    let mut add = |name: String, bytes: &[u8]| -> std::io::Result<()> {
        archive.start_file(name, options)?;
        archive.write_all(bytes)
    };
    add("archive/data.pkl".into(), &pickle)?;
    add("archive/byteorder".into(), b"little")?;
    for (index, numbers) in tensors.iter().enumerate() {
        let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        add(format!("archive/data/{index}"), &bytes)?;
    }
    add("archive/version".into(), b"3\n")?;
    Ok(archive.finish()?.into_inner())
}

fn write_value<'a>(value: &Value<'a>, out: &mut Vec<u8>, tensors: &mut Vec<&'a [f32]>) {
    match value {
        Value::Dict(entries) => {
            // An empty dictionary, a mark, keys and values, and the order to put them in.
            out.extend(b"}(");
            for (name, value) in entries {
                text(name, out);
                write_value(value, out, tensors);
            }
            out.push(b'u');
        }
        Value::Tensor(numbers, shape) => {
            out.extend(b"ctorch._utils\n_rebuild_tensor_v2\n((");
            // The storage, which the archive has as a file of its own: ('storage', FloatStorage, its name, 'cpu', its length).
            text("storage", out);
            out.extend(b"ctorch\nFloatStorage\n");
            text(&tensors.len().to_string(), out);
            text("cpu", out);
            whole(numbers.len(), out);
            out.extend(b"tQ");
            whole(0, out);
            tuple(shape, out);
            let strides = (0..shape.len()).map(|axis| shape[axis + 1..].iter().product());
            tuple(&strides.collect::<Vec<usize>>(), out);
            // No gradient is asked for, and there are no hooks.
            out.extend(b"\x89ccollections\nOrderedDict\n)RtR");
            tensors.push(numbers);
        }
    }
}

fn text(text: &str, out: &mut Vec<u8>) {
    out.push(b'X');
    out.extend((text.len() as u32).to_le_bytes());
    out.extend(text.as_bytes());
}

/// A whole number below 2³¹, of which no tensor of an adapter has more.
fn whole(number: usize, out: &mut Vec<u8>) {
    out.push(b'J');
    out.extend((number as i32).to_le_bytes());
}

fn tuple(numbers: &[usize], out: &mut Vec<u8>) {
    out.push(b'(');
    numbers.iter().for_each(|number| whole(*number, out));
    out.push(b't');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::tensors::TensorFile;

    #[test]
    fn what_is_written_is_read_back() {
        let numbers: Vec<f32> = (0..24).map(|number| number as f32 / 7.0).collect();
        let inner = vec![
            ("<cat_1>".to_owned(), Value::Tensor(&numbers[..6], vec![3, 2])),
            ("b.lora_up.weight".to_owned(), Value::Tensor(&numbers, vec![4, 6, 1, 1])),
        ];
        let file = Value::Dict(vec![("params".into(), Value::Dict(vec![("unet".into(), Value::Dict(inner))]))]);
        let read = TensorFile::from_owned("a.pth", bytes(&file).unwrap()).unwrap();
        let names: Vec<&str> = read.tensors().map(|(name, ..)| name).collect();
        assert_eq!(names, ["params.unet.<cat_1>", "params.unet.b.lora_up.weight"]);
        assert_eq!(read.values("params.unet.<cat_1>").unwrap(), numbers[..6]);
        assert_eq!(read.values("params.unet.b.lora_up.weight").unwrap(), numbers);
        assert_eq!(read.tensor("params.unet.b.lora_up.weight").unwrap().0, [4, 6, 1, 1]);
    }
}
