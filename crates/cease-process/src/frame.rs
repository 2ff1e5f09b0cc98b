//! Frames: a length, a kind, and a payload, with a cap that is looked at before anything is allocated.
//!
//! | bytes | what |
//! |---|---|
//! | 4 | how many bytes follow, little endian, at most [`CAP`] |
//! | 1 | the kind |
//! | the rest | the payload, in MessagePack with names |

use std::error::Error;
use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The most bytes that may follow a length.
pub(crate) const CAP: usize = 64 << 20;

const LENGTH: usize = size_of::<u32>();

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The worker says who it is.
    Hello,
    /// What is to be done, and under which circumstances.
    Order,
    /// The work.
    Job,
    /// The worker has the work, and begins.
    Started,
    /// The worker cannot do it.
    Refused,
    /// A stop was asked for.
    Stop,
    /// The job tells how far it is.
    Progress,
    /// The job has something to say.
    Log,
    /// What the job returned.
    Result,
    /// The job panicked.
    Panic,
    /// A worker of a pool is told, or says, that it does no other job.
    Leave,
}

const KINDS: [Kind; 11] = [
    Kind::Hello,
    Kind::Order,
    Kind::Job,
    Kind::Started,
    Kind::Refused,
    Kind::Stop,
    Kind::Progress,
    Kind::Log,
    Kind::Result,
    Kind::Panic,
    Kind::Leave,
];

/// A frame that has arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) kind: Kind,
    pub(crate) payload: Vec<u8>,
}

/// Why bytes are not what they should be.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FrameError {
    /// A frame is longer than may be.
    TooLong {
        /// How many bytes it has.
        bytes: u64,
    },
    /// A frame has no kind, or one that is not known.
    UnknownKind,
    /// A frame came that has no place here.
    Unexpected,
    /// A value cannot be written, or what was read is not one, with the reason.
    Value(String),
    /// Something stands behind a value.
    Trailing,
    /// The other side ended in the middle of a frame.
    Half,
}

/// The bytes of a frame of this kind with `value` in it.
pub(crate) fn encode<T: Serialize + ?Sized>(kind: Kind, value: &T) -> Result<Vec<u8>, FrameError> {
    let mut bytes = vec![0; LENGTH];
    bytes.push(kind as u8);
    rmp_serde::encode::write_named(&mut bytes, value).map_err(|error| FrameError::Value(error.to_string()))?;
    let length = bytes.len() - LENGTH;
    match u32::try_from(length) {
        Ok(short) if length <= CAP => bytes[..LENGTH].copy_from_slice(&short.to_le_bytes()),
        _ => return Err(FrameError::TooLong { bytes: length as u64 }),
    }
    Ok(bytes)
}

/// The value in `payload`, and nothing behind it.
pub(crate) fn decode<T: DeserializeOwned>(payload: &[u8]) -> Result<T, FrameError> {
    let mut left = payload;
    let value = {
        let mut reader = rmp_serde::Deserializer::new(&mut left);
        // Deep enough for anything that is meant, and far from the end of a stack.
        reader.set_max_depth(128);
        T::deserialize(&mut reader).map_err(|error| FrameError::Value(error.to_string()))?
    };
    if left.is_empty() { Ok(value) } else { Err(FrameError::Trailing) }
}

/// Makes frames of bytes as they come.
///
/// It never holds more than one frame and what came behind it in one read, and allocates for what has arrived only, whatever a
/// length says.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    bytes: Vec<u8>,
    /// Where the first byte is that was not handed out.
    start: usize,
}

impl Decoder {
    /// Takes what has arrived.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        if self.start > 0 {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// The next frame that is there to its last byte.
    pub(crate) fn next(&mut self) -> Result<Option<Frame>, FrameError> {
        let there = &self.bytes[self.start..];
        let Some((length, rest)) = there.split_first_chunk::<LENGTH>() else { return Ok(None) };
        let length = u32::from_le_bytes(*length) as usize;
        if length > CAP {
            return Err(FrameError::TooLong { bytes: length as u64 });
        }
        // A kind that is not known is one before the rest of its frame has arrived.
        let kind = match rest.first() {
            _ if length == 0 => return Err(FrameError::UnknownKind),
            None => return Ok(None),
            Some(byte) => KINDS.into_iter().find(|kind| *kind as u8 == *byte).ok_or(FrameError::UnknownKind)?,
        };
        let Some(body) = rest.get(..length) else { return Ok(None) };
        let payload = body[1..].to_vec();
        self.start += LENGTH + length;
        Ok(Some(Frame { kind, payload }))
    }

    /// Whether the middle of a frame is where it stands.
    pub(crate) const fn is_half(&self) -> bool {
        self.start < self.bytes.len()
    }
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { bytes } => write!(f, "a frame of {bytes} bytes is longer than the {CAP} that may be"),
            Self::UnknownKind => f.write_str("a frame of a kind that is not known"),
            Self::Unexpected => f.write_str("a frame that has no place here"),
            Self::Value(why) => write!(f, "a value that cannot be read or written: {why}"),
            Self::Trailing => f.write_str("something stands behind a value"),
            Self::Half => f.write_str("the other side ended in the middle of a frame"),
        }
    }
}

impl Error for FrameError {}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use std::collections::BTreeMap;

    use proptest::collection::vec;
    use proptest::prelude::{ProptestConfig, Strategy, any, prop_oneof, proptest};
    use proptest::sample::{Index, select};

    use super::*;
    use crate::message::{Answer, Hello, Order, Refusal, RemotePanic, Stop};

    /// Some bytes of any value, and how they are sent: as what kind of frame.
    fn sent() -> impl Strategy<Value = Vec<(Kind, Vec<u8>)>> {
        vec((select(&KINDS[..]), vec(any::<u8>(), 0..300)), 1..5)
    }

    fn stream(sent: &[(Kind, Vec<u8>)]) -> Vec<u8> {
        sent.iter().flat_map(|(kind, value)| encode(*kind, value).unwrap()).collect()
    }

    /// Bytes of which some look like the beginning of a frame, or like a value of many more bytes.
    fn rubbish() -> impl Strategy<Value = Vec<u8>> {
        let header = (0..40_u8, 0..=KINDS.len()).prop_map(|(length, kind)| {
            let kind = u8::try_from(kind).expect("there are few");
            vec![length, 0, 0, 0, kind]
        });
        // Marks of MessagePack: arrays, maps, texts and bytes, all of four thousand million.
        let huge = select(vec![0xdd, 0xdf, 0xdb, 0xc6]).prop_map(|mark| vec![mark, 0xff, 0xff, 0xff, 0xff]);
        let piece = prop_oneof![3 => header, 1 => huge, 2 => vec(any::<u8>(), 0..16)];
        vec(piece, 0..12).prop_map(|pieces| pieces.concat())
    }

    /// One thing that goes wrong with bytes on their way.
    #[derive(Debug, Clone)]
    enum Harm {
        Changed(Index, u8),
        Lost(Index),
        Added(Index, u8),
        CutOff(Index),
        Twice(Index),
    }

    fn harm() -> impl Strategy<Value = Harm> {
        let (at, byte) = (any::<Index>, any::<u8>);
        prop_oneof![
            (at(), byte()).prop_map(|(at, byte)| Harm::Changed(at, byte)),
            at().prop_map(Harm::Lost),
            (at(), byte()).prop_map(|(at, byte)| Harm::Added(at, byte)),
            at().prop_map(Harm::CutOff),
            at().prop_map(Harm::Twice),
        ]
    }

    impl Harm {
        /// Does it, and says where.
        fn befall(&self, bytes: &mut Vec<u8>) -> usize {
            let (Self::Changed(at, _) | Self::Lost(at) | Self::Added(at, _) | Self::CutOff(at) | Self::Twice(at)) =
                self;
            let at = at.index(bytes.len());
            match self {
                Self::Changed(_, byte) => bytes[at] = *byte,
                Self::Lost(_) => drop(bytes.remove(at)),
                Self::Added(_, byte) => bytes.insert(at, *byte),
                Self::CutOff(_) => bytes.truncate(at),
                Self::Twice(_) => bytes.extend_from_within(at..),
            }
            at
        }
    }

    /// Feeds `bytes` to a decoder in pieces of these sizes, and returns what came of it; it holds no more than came in.
    fn feed(bytes: &[u8], pieces: &[usize]) -> (Vec<Frame>, Option<FrameError>) {
        let (mut decoder, mut came, mut left) = (Decoder::default(), Vec::new(), bytes);
        let mut pieces = pieces.iter().cycle();
        while !left.is_empty() {
            let size = *pieces.next().expect("they go round");
            let (piece, rest) = left.split_at(size.min(left.len()));
            decoder.push(piece);
            left = rest;
            loop {
                match decoder.next() {
                    Ok(Some(frame)) => came.push(frame),
                    Ok(None) => break,
                    Err(error) => return (came, Some(error)),
                }
            }
            assert_eq!(decoder.is_half(), decoder.start < decoder.bytes.len());
            assert!(decoder.bytes.capacity() <= 2 * bytes.len().max(8), "it has as much as has come, and no more");
        }
        (came, decoder.is_half().then_some(FrameError::Half))
    }

    /// Reads a payload as everything that it could be; most of it is none of that.
    fn read_as_anything(payload: &[u8]) {
        let _ = decode::<Hello>(payload);
        let _ = decode::<Order>(payload);
        let _ = decode::<Refusal>(payload);
        let _ = decode::<Stop>(payload);
        let _ = decode::<RemotePanic>(payload);
        let _ = decode::<Answer<BTreeMap<String, Vec<String>>>>(payload);
        let _ = decode::<(u8, Option<String>, Vec<u64>)>(payload);
        let _ = decode::<Vec<u8>>(payload);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn frames_arrive_whole_in_whatever_pieces_they_come(sent in sent(), pieces in vec(1..200_usize, 1..5)) {
            let (came, error) = feed(&stream(&sent), &pieces);
            let came: Vec<_> =
                came.iter().map(|frame| (frame.kind, decode::<Vec<u8>>(&frame.payload).unwrap())).collect();
            assert_eq!((came, error), (sent, None));
        }

        #[test]
        fn any_bytes_are_frames_or_an_error_and_never_much_memory(
            bytes in rubbish(),
            pieces in vec(1..20_usize, 1..5),
        ) {
            let (came, _) = feed(&bytes, &pieces);
            assert!(came.iter().map(|frame| LENGTH + 1 + frame.payload.len()).sum::<usize>() <= bytes.len());
            came.iter().for_each(|frame| read_as_anything(&frame.payload));
            read_as_anything(&bytes);
        }

        #[test]
        fn what_came_before_the_harm_arrives_whole_and_the_rest_is_frames_or_an_error(
            sent in sent(),
            harm in harm(),
            pieces in vec(1..200_usize, 1..5),
        ) {
            let mut bytes = stream(&sent);
            let at = harm.befall(&mut bytes);
            let (came, _) = feed(&bytes, &pieces);
            let ends = (1..=sent.len()).map(|count| stream(&sent[..count]).len());
            let whole = ends.filter(|end| *end <= at).count();
            assert!(came.len() >= whole, "{whole} frames were whole, and {} came", came.len());
            for (frame, (kind, value)) in came.iter().zip(&sent[..whole]) {
                assert_eq!((frame.kind, decode::<Vec<u8>>(&frame.payload).as_ref()), (*kind, Ok(value)));
            }
            came.iter().for_each(|frame| read_as_anything(&frame.payload));
        }
    }

    #[test]
    fn a_length_beyond_the_cap_is_an_error_before_anything_is_allocated() {
        let mut decoder = Decoder::default();
        decoder.push(&u32::MAX.to_le_bytes());
        assert_eq!(decoder.next(), Err(FrameError::TooLong { bytes: u32::MAX.into() }));
        let mut decoder = Decoder::default();
        decoder.push(&u32::try_from(CAP).unwrap().to_le_bytes());
        assert_eq!(decoder.next(), Ok(None));
        assert!(decoder.is_half() && decoder.bytes.capacity() < 64);
    }

    #[test]
    fn a_frame_of_exactly_the_cap_is_written_and_read_and_one_byte_more_is_neither() {
        // The kind takes one byte, and the mark of a long text takes five.
        let text = "x".repeat(CAP - 5);
        assert_eq!(encode(Kind::Log, &text), Err(FrameError::TooLong { bytes: CAP as u64 + 1 }));
        let text = &text[1..];
        let bytes = encode(Kind::Log, text).unwrap();
        assert_eq!(bytes.len(), LENGTH + CAP);
        let mut decoder = Decoder::default();
        decoder.push(&bytes);
        let frame = decoder.next().unwrap().expect("it is whole");
        assert!(decode::<String>(&frame.payload).unwrap() == text);
        let mut decoder = Decoder::default();
        decoder.push(&u32::try_from(CAP + 1).unwrap().to_le_bytes());
        assert_eq!(decoder.next(), Err(FrameError::TooLong { bytes: CAP as u64 + 1 }));
    }

    #[test]
    fn a_kind_that_is_not_known_and_a_frame_without_one_are_errors() {
        for bytes in [&[1, 0, 0, 0, 200][..], &[0, 0, 0, 0]] {
            let mut decoder = Decoder::default();
            decoder.push(bytes);
            assert_eq!(decoder.next(), Err(FrameError::UnknownKind));
        }
    }

    #[test]
    fn what_stands_behind_a_value_is_an_error() {
        let bytes = rmp_serde::to_vec_named(&7_u8).unwrap();
        assert_eq!(decode::<u8>(&bytes), Ok(7));
        assert_eq!(decode::<u8>(&[&bytes[..], &[0]].concat()), Err(FrameError::Trailing));
        assert!(matches!(decode::<String>(&bytes), Err(FrameError::Value(_))));
    }

    #[test]
    fn a_value_that_nests_for_ever_is_an_error_and_no_end_of_the_stack() {
        #[derive(Debug, serde::Deserialize)]
        struct Nest(#[allow(dead_code, reason = "only its depth matters")] Vec<Nest>);
        let bytes = [vec![0x91; 1_000_000], vec![0x90]].concat();
        assert!(matches!(decode::<Nest>(&bytes), Err(FrameError::Value(_))));
    }
}
