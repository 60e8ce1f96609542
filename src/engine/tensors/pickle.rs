//! Python's pickles, read as data. A pickle is a program for a small stack machine; this one builds values and has no
//! code to call anything with: what a pickle wants called is kept as a value that names it.
//!
//! Values lie in one list and name each other by number, as Python's share objects: what is fetched twice costs four
//! bytes, a value may hold itself, and however deep they nest nothing here goes down into them.

use std::collections::HashMap;

/// The most bytes of a pickle: a whole model's with its optimizer is some two million.
pub(super) const MAX_BYTES: usize = 32 << 20;
/// The most values of a pickle: such a one has some 200 000. Each takes up to 150 bytes, so that a file made to fill the
/// memory gets 300 MB of it.
const MAX_NODES: usize = 2_000_000;

/// A value's number.
pub(super) type Id = u32;

/// A value.
#[derive(Debug)]
pub(super) enum Node {
    /// None, bytes, or a whole number past 64 bits.
    Nothing,
    Bool(bool),
    Whole(i64),
    Real(f64),
    Text(Box<str>),
    /// A list, a tuple or a set.
    Sequence(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    /// A class or a function by its full name, `module.name`.
    Name(Box<str>),
    /// What lies outside the pickle, by its id.
    Outside(Id),
    /// What a call or a class would make.
    Made(Box<Made>),
}

/// What a call or a class would make, with what is put into it afterwards.
#[derive(Debug)]
pub(super) struct Made {
    /// What is called.
    pub by: Id,
    /// What it is called with.
    pub with: Id,
    /// What is put into it as into a list.
    pub items: Vec<Id>,
    /// What is put into it as into a dictionary.
    pub pairs: Vec<(Id, Id)>,
    /// What its attributes are set to.
    pub state: Option<Id>,
}

/// A pickle's values.
#[derive(Debug)]
pub(super) struct Pickle {
    nodes: Vec<Node>,
    /// The value that it is of.
    pub root: Id,
}

impl Pickle {
    /// A value. Every number in a pickle's values is one of it.
    pub(super) fn node(&self, id: Id) -> &Node {
        self.nodes.get(id as usize).unwrap_or(&Node::Nothing)
    }

    /// All values.
    pub(super) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// A text's characters.
    pub(super) fn text(&self, id: Id) -> Option<&str> {
        match self.node(id) {
            Node::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A class's or function's full name.
    pub(super) fn name(&self, id: Id) -> Option<&str> {
        match self.node(id) {
            Node::Name(name) => Some(name),
            _ => None,
        }
    }

    /// What a list, tuple or set holds.
    pub(super) fn sequence(&self, id: Id) -> Option<&[Id]> {
        match self.node(id) {
            Node::Sequence(items) => Some(items),
            _ => None,
        }
    }
}

/// Reads one pickle from `bytes` on, which is left behind it.
///
/// # Errors
/// What is wrong with it, in words.
pub(super) fn read(bytes: &mut &[u8]) -> Result<Pickle, String> {
    let (nodes, stack, marks, memo) = (Vec::new(), Vec::new(), Vec::new(), HashMap::new());
    let mut machine = Machine { bytes, nodes, stack, marks, memo, named: 0 };
    let root = machine.run()?;
    let nodes = machine.nodes;
    Ok(Pickle { nodes, root })
}

struct Machine<'a, 'b> {
    bytes: &'a mut &'b [u8],
    nodes: Vec<Node>,
    stack: Vec<Id>,
    /// How many values were on the stack at each mark that is open.
    marks: Vec<usize>,
    memo: HashMap<u32, Id>,
    /// Bytes of all names that were put together of two texts.
    named: usize,
}

type Step<T = ()> = Result<T, String>;

impl<'b> Machine<'_, 'b> {
    fn run(&mut self) -> Step<Id> {
        loop {
            let [op] = self.take()?;
            match op {
                b'.' => return self.pop(),
                // What only says how the rest is written.
                0x80 => drop(self.take::<1>()?),
                0x95 => drop(self.take::<8>()?),
                _ => self.step(op)?,
            }
        }
    }

    fn step(&mut self, op: u8) -> Step {
        match op {
            b'N' => self.push(Node::Nothing),
            0x88 => self.push(Node::Bool(true)),
            0x89 => self.push(Node::Bool(false)),
            b'J' => {
                let number = i32::from_le_bytes(self.take()?);
                self.push(Node::Whole(number.into()))
            }
            b'K' => {
                let [number] = self.take()?;
                self.push(Node::Whole(number.into()))
            }
            b'M' => {
                let number = u16::from_le_bytes(self.take()?);
                self.push(Node::Whole(number.into()))
            }
            0x8a => {
                let [length] = self.take()?;
                let number = self.slice(length.into())?;
                self.push(long(number))
            }
            0x8b => {
                let length = u32::from_le_bytes(self.take()?);
                let number = self.slice(length.into())?;
                self.push(long(number))
            }
            b'G' => {
                let number = f64::from_be_bytes(self.take()?);
                self.push(Node::Real(number))
            }
            b'I' => match self.line()? {
                "00" => self.push(Node::Bool(false)),
                "01" => self.push(Node::Bool(true)),
                number => self.push(number.parse().map_or(Node::Nothing, Node::Whole)),
            },
            b'L' => {
                let number = self.line()?;
                self.push(number.trim_end_matches('L').parse().map_or(Node::Nothing, Node::Whole))
            }
            b'F' => {
                let number = self.line()?;
                self.push(number.parse().map_or(Node::Nothing, Node::Real))
            }
            // Texts: of protocol 0 with a line's end, then with their length.
            b'V' => {
                let text = self.line()?;
                self.push(Node::Text(text.into()))
            }
            b'S' => {
                let text = self.line()?.trim_matches(['\'', '"']);
                self.push(Node::Text(text.into()))
            }
            0x8c | b'U' => self.text::<1>(),
            b'X' | b'T' => self.text::<4>(),
            0x8d => self.text::<8>(),
            b'C' => self.skip::<1>(),
            b'B' => self.skip::<4>(),
            0x8e | 0x96 => self.skip::<8>(),
            _ => self.gather(op),
        }
    }

    /// What works on values that are there already.
    fn gather(&mut self, op: u8) -> Step {
        match op {
            b'(' => {
                self.marks.push(self.stack.len());
                Ok(())
            }
            b')' | b']' | 0x8f => self.push(Node::Sequence(Vec::new())),
            b'}' => self.push(Node::Dict(Vec::new())),
            b't' | b'l' | 0x91 => {
                let items = self.marked()?;
                self.push(Node::Sequence(items))
            }
            0x85..=0x87 => {
                let count = usize::from(op - 0x84);
                let start = self.stack.len().checked_sub(count).ok_or(EMPTY)?;
                if self.marks.last().is_some_and(|mark| *mark > start) {
                    return Err(EMPTY.into());
                }
                let items = self.stack.split_off(start);
                self.push(Node::Sequence(items))
            }
            b'd' => {
                let items = self.marked()?;
                self.push(Node::Dict(pairs(&items)?))
            }
            b'a' => {
                let item = self.pop()?;
                self.put_items(vec![item])
            }
            b'e' | 0x90 => {
                let items = self.marked()?;
                self.put_items(items)
            }
            b's' => {
                let value = self.pop()?;
                let key = self.pop()?;
                self.put_pairs(&[key, value])
            }
            b'u' => {
                let items = self.marked()?;
                self.put_pairs(&items)
            }
            b'0' if self.marks.last() == Some(&self.stack.len()) => {
                self.marks.pop();
                Ok(())
            }
            b'0' => self.pop().map(drop),
            b'1' => self.marked().map(drop),
            b'2' => {
                let top = self.top()?;
                self.stack.push(top);
                Ok(())
            }
            _ => self.remember(op),
        }
    }

    /// The memo, and what is called.
    fn remember(&mut self, op: u8) -> Step {
        match op {
            b'g' => {
                let index = self.line()?.parse().map_err(|_| "a number is none")?;
                self.fetch(index)
            }
            b'h' => {
                let [index] = self.take()?;
                self.fetch(index.into())
            }
            b'j' => {
                let index = u32::from_le_bytes(self.take()?);
                self.fetch(index)
            }
            b'p' => {
                let index = self.line()?.parse().map_err(|_| "a number is none")?;
                self.keep(index)
            }
            b'q' => {
                let [index] = self.take()?;
                self.keep(index.into())
            }
            b'r' => {
                let index = u32::from_le_bytes(self.take()?);
                self.keep(index)
            }
            0x94 => self.keep(self.memo.len() as u32),
            b'c' => {
                let name = format!("{}.{}", self.line()?, self.line()?);
                self.push(Node::Name(name.into()))
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                let named = |id: Id| match self.nodes.get(id as usize) {
                    Some(Node::Text(text)) => Ok(text),
                    _ => Err("a name is no text"),
                };
                let (module, name) = (named(module)?, named(name)?);
                // Both may be fetched as often as there are bytes, and each name is made of them anew.
                self.named += module.len() + name.len();
                if self.named > MAX_BYTES {
                    return Err("its names are too long".into());
                }
                let name = format!("{module}.{name}");
                self.push(Node::Name(name.into()))
            }
            b'R' | 0x81 => {
                let (with, by) = (self.pop()?, self.pop()?);
                self.make(by, with)
            }
            0x92 => {
                let (_named, with, by) = (self.pop()?, self.pop()?, self.pop()?);
                self.make(by, with)
            }
            // Objects of protocol 0: a class, and what it is made with, above a mark.
            b'i' => {
                let name = format!("{}.{}", self.line()?, self.line()?);
                let with = self.marked()?;
                self.push(Node::Sequence(with))?;
                let with = self.pop()?;
                self.push(Node::Name(name.into()))?;
                let by = self.pop()?;
                self.make(by, with)
            }
            b'o' => {
                let mut with = self.marked()?;
                if with.is_empty() {
                    return Err(EMPTY.into());
                }
                let by = with.remove(0);
                self.push(Node::Sequence(with))?;
                let with = self.pop()?;
                self.make(by, with)
            }
            b'b' => {
                let state = self.pop()?;
                let top = self.top()?;
                if let Some(Node::Made(made)) = self.nodes.get_mut(top as usize) {
                    made.state = Some(state);
                }
                Ok(())
            }
            b'P' => {
                let id = self.line()?;
                self.push(Node::Text(id.into()))?;
                let id = self.pop()?;
                self.push(Node::Outside(id))
            }
            b'Q' => {
                let id = self.pop()?;
                self.push(Node::Outside(id))
            }
            _ => Err(format!("it holds the instruction {op:#04x}, which pickles of tensors do not have")),
        }
    }

    fn make(&mut self, by: Id, with: Id) -> Step {
        self.push(Node::Made(Box::new(Made { by, with, items: Vec::new(), pairs: Vec::new(), state: None })))
    }

    fn push(&mut self, node: Node) -> Step {
        if self.nodes.len() >= MAX_NODES {
            return Err(format!("it holds more than {MAX_NODES} values"));
        }
        self.stack.push(self.nodes.len() as Id);
        self.nodes.push(node);
        Ok(())
    }

    fn top(&self) -> Step<Id> {
        if self.marks.last() == Some(&self.stack.len()) {
            return Err(EMPTY.into());
        }
        self.stack.last().copied().ok_or_else(|| EMPTY.into())
    }

    fn pop(&mut self) -> Step<Id> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    /// What is above the last mark, which is taken away.
    fn marked(&mut self) -> Step<Vec<Id>> {
        let mark = self.marks.pop().ok_or(EMPTY)?;
        Ok(self.stack.split_off(mark))
    }

    fn put_items(&mut self, items: Vec<Id>) -> Step {
        let top = self.top()?;
        match self.nodes.get_mut(top as usize) {
            Some(Node::Sequence(list)) => list.extend(items),
            Some(Node::Made(made)) => made.items.extend(items),
            _ => return Err("it puts a value into what is no list".into()),
        }
        Ok(())
    }

    fn put_pairs(&mut self, items: &[Id]) -> Step {
        let (top, pairs) = (self.top()?, pairs(items)?);
        match self.nodes.get_mut(top as usize) {
            Some(Node::Dict(dict)) => dict.extend(pairs),
            Some(Node::Made(made)) => made.pairs.extend(pairs),
            _ => return Err("it puts a value into what is no dictionary".into()),
        }
        Ok(())
    }

    fn fetch(&mut self, index: u32) -> Step {
        let id = self.memo.get(&index).ok_or("it fetches a value that it did not keep")?;
        self.stack.push(*id);
        Ok(())
    }

    fn keep(&mut self, index: u32) -> Step {
        let top = self.top()?;
        self.memo.insert(index, top);
        Ok(())
    }

    fn take<const N: usize>(&mut self) -> Step<[u8; N]> {
        let (head, rest) = self.bytes.split_first_chunk().ok_or(CUT)?;
        *self.bytes = rest;
        Ok(*head)
    }

    fn slice(&mut self, length: u64) -> Step<&'b [u8]> {
        let length = usize::try_from(length).map_err(|_| CUT)?;
        let (head, rest) = self.bytes.split_at_checked(length).ok_or(CUT)?;
        *self.bytes = rest;
        Ok(head)
    }

    /// A length of `N` bytes, and then as many.
    fn measured<const N: usize>(&mut self) -> Step<&'b [u8]> {
        let mut length = [0; 8];
        length[..N].copy_from_slice(&self.take::<N>()?);
        self.slice(u64::from_le_bytes(length))
    }

    fn text<const N: usize>(&mut self) -> Step {
        let text = String::from_utf8_lossy(self.measured::<N>()?);
        self.push(Node::Text(text.into()))
    }

    fn skip<const N: usize>(&mut self) -> Step {
        self.measured::<N>()?;
        self.push(Node::Nothing)
    }

    fn line(&mut self) -> Step<&'b str> {
        let end = self.bytes.iter().position(|byte| *byte == b'\n').ok_or(CUT)?;
        let line = self.slice(end as u64)?;
        self.take::<1>()?;
        std::str::from_utf8(line.strip_suffix(b"\r").unwrap_or(line)).map_err(|_| "a line is no text".into())
    }
}

const CUT: &str = "it ends in the middle";
const EMPTY: &str = "it takes a value where there is none";

fn pairs(items: &[Id]) -> Step<Vec<(Id, Id)>> {
    let (pairs, rest) = items.as_chunks::<2>();
    if !rest.is_empty() {
        return Err("a dictionary has a key without a value".into());
    }
    Ok(pairs.iter().map(|[key, value]| (*key, *value)).collect())
}

/// A whole number, the least significant byte first, with a sign.
fn long(bytes: &[u8]) -> Node {
    if bytes.len() > 8 {
        return Node::Nothing;
    }
    let sign = if bytes.last().is_some_and(|byte| byte >> 7 == 1) { 0xff } else { 0 };
    let mut whole = [sign; 8];
    whole[..bytes.len()].copy_from_slice(bytes);
    Node::Whole(i64::from_le_bytes(whole))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bytes: &[u8]) -> Result<Pickle, String> {
        read(&mut &*bytes)
    }

    /// A value as text.
    fn show(pickle: &Pickle, id: Id) -> String {
        let all = |ids: &[Id]| ids.iter().map(|id| show(pickle, *id)).collect::<Vec<_>>().join(", ");
        let pairs = |pairs: &[(Id, Id)]| {
            let pair = |(key, value): &(Id, Id)| format!("{}: {}", show(pickle, *key), show(pickle, *value));
            pairs.iter().map(pair).collect::<Vec<_>>().join(", ")
        };
        match pickle.node(id) {
            Node::Nothing => "-".into(),
            Node::Bool(value) => value.to_string(),
            Node::Whole(value) => value.to_string(),
            Node::Real(value) => format!("{value:?}"),
            Node::Text(value) => format!("{value:?}"),
            Node::Sequence(items) => format!("[{}]", all(items)),
            Node::Dict(items) => format!("{{{}}}", pairs(items)),
            Node::Name(name) => name.to_string(),
            Node::Outside(id) => format!("outside {}", show(pickle, *id)),
            Node::Made(made) => {
                let state = made.state.map(|state| format!(" with {}", show(pickle, state))).unwrap_or_default();
                let (by, with) = (show(pickle, made.by), show(pickle, made.with));
                format!("{by}{with}[{}]{{{}}}{state}", all(&made.items), pairs(&made.pairs))
            }
        }
    }

    #[test]
    fn what_python_writes_in_every_protocol_is_read() {
        // pickle.dumps({'a': [1, 2.5, None, True, -3, 2**70], 'b': ('x', collections.OrderedDict([(7, 'y')]))}, n)
        let zero: &[u8] = b"(dp0\nVa\np1\n(lp2\nI1\naF2.5\naNaI01\naI-3\naL1180591620717411303424L\nasVb\np3\n(Vx\np4\nccollections\nOrderedDict\np5\n(tRp6\nI7\nVy\np7\nstp8\ns.";
        let two: &[u8] = b"\x80\x02}q\x00(X\x01\x00\x00\x00aq\x01]q\x02(K\x01G@\x04\x00\x00\x00\x00\x00\x00N\x88J\xfd\xff\xff\xff\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x00@eX\x01\x00\x00\x00bq\x03X\x01\x00\x00\x00xq\x04ccollections\nOrderedDict\nq\x05)Rq\x06K\x07X\x01\x00\x00\x00yq\x07s\x86q\x08u.";
        let four: &[u8] = b"\x80\x04\x95U\x00\x00\x00\x00\x00\x00\x00}\x94(\x8c\x01a\x94]\x94(K\x01G@\x04\x00\x00\x00\x00\x00\x00N\x88J\xfd\xff\xff\xff\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x00@e\x8c\x01b\x94\x8c\x01x\x94\x8c\x0bcollections\x94\x8c\x0bOrderedDict\x94\x93\x94)R\x94K\x07\x8c\x01y\x94s\x86\x94u.";
        for (bytes, protocol) in [(zero, 0), (two, 2), (four, 4)] {
            let pickle = of(bytes).unwrap_or_else(|error| panic!("protocol {protocol}: {error}"));
            let expected = r#"{"a": [1, 2.5, -, true, -3, -], "b": ["x", collections.OrderedDict[][]{7: "y"}]}"#;
            assert_eq!(show(&pickle, pickle.root), expected, "protocol {protocol}");
        }
    }

    #[test]
    fn what_it_wants_called_is_named_and_nothing_else() {
        let pickle = of(b"cposix\nsystem\n(S'rm -rf /'\ntR.").expect("read as data");
        assert_eq!(show(&pickle, pickle.root), r#"posix.system["rm -rf /"][]{}"#);
        let pickle = of(b"\x80\x02cm\nC\n)\x81}(X\x01\x00\x00\x00aK\x01ub.").expect("read as data");
        assert_eq!(show(&pickle, pickle.root), r#"m.C[][]{} with {"a": 1}"#);
        let pickle = of(b"(I1\nim\nC\n(cm\nD\nI2\noQ0.").expect("read as data");
        assert_eq!(show(&pickle, pickle.root), "m.C[1][]{}");
    }

    #[test]
    fn broken_ones_say_how() {
        for (bytes, why) in [
            (&b""[..], CUT),
            (b"X\xff\xff\xff\xffab", CUT),
            (b"I12", CUT),
            (b".", EMPTY),
            (b"\x85.", EMPTY),
            (b"N(\x85.", EMPTY),
            (b"Na.", EMPTY),
            (b"NNa.", "no list"),
            (b"NNNs.", "no dictionary"),
            (b"}(Nu.", "without a value"),
            (b"h\x07.", "did not keep"),
            (b"\x82\x01.", "instruction 0x82"),
            (b"NN\x93.", "no text"),
        ] {
            let error = of(bytes).expect_err("broken");
            assert!(error.contains(why), "{:?}: {error}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn what_holds_itself_or_nests_without_end_or_is_shared_widely_is_read_all_the_same() {
        let mut deep = b"N".to_vec();
        deep.extend([0x85].repeat(1_000_000));
        deep.push(b'.');
        assert_eq!(of(&deep).expect("a value").nodes().len(), 1_000_001);
        let pickle = of(b"]q\x00h\x00a.").expect("holds itself");
        assert_eq!(pickle.sequence(pickle.root), Some(&[pickle.root][..]));
        let too_many = [&b"N".repeat(MAX_NODES + 1)[..], b"."].concat();
        assert!(of(&too_many).expect_err("too many").contains("more than 2000000 values"));
    }
}
