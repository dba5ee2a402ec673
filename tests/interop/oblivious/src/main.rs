//! A client's side of one exchange. Arguments: the key configuration in hex (application/ohttp-keys); whole, or chunked;
//! known, or indeterminate (the framing); method, authority, path, content in hex; then name=value of headers.
//! Prints the encapsulated request in hex, reads the encapsulated response in hex from a line of stdin, and prints
//! status, headers, trailers and content in hex, a line each.

use std::{
    cell::RefCell,
    io::{stdin, Cursor, Result, Write},
    rc::Rc,
};

use bhttp::{Message, Mode};
use futures::{executor::block_on, io::AllowStdIo, AsyncReadExt, AsyncWriteExt};
use ohttp::ClientRequest;

/// What was written, for whoever has a clone.
#[derive(Clone, Default)]
struct Shared(Rc<RefCell<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, data: &[u8]) -> Result<usize> {
        self.0.borrow_mut().extend_from_slice(data);
        Ok(data.len())
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

fn lines(fields: &bhttp::FieldSection) -> String {
    let all: Vec<String> = fields
        .iter()
        .map(|field| format!("{}={}", hex::encode(field.name()), hex::encode(field.value())))
        .collect();
    all.join(" ")
}

fn answer() -> Vec<u8> {
    let mut line = String::new();
    stdin().read_line(&mut line).unwrap();
    hex::decode(line.trim()).unwrap()
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let keys = hex::decode(&arguments[0]).unwrap();
    let mode = if arguments[2] == "known" { Mode::KnownLength } else { Mode::IndeterminateLength };
    let mut message = Message::request(
        arguments[3].clone().into_bytes(),
        b"https".to_vec(),
        arguments[4].clone().into_bytes(),
        arguments[5].clone().into_bytes(),
    );
    message.write_content(hex::decode(&arguments[6]).unwrap());
    for header in &arguments[7..] {
        let (name, value) = header.split_once('=').unwrap();
        message.put_header(name, value);
    }
    let mut encoded = Vec::new();
    message.write_bhttp(mode, &mut encoded).unwrap();

    let client = ClientRequest::from_encoded_config_list(&keys).unwrap();
    let response = if arguments[1] == "whole" {
        let (sealed, response) = client.encapsulate(&encoded).unwrap();
        println!("{}", hex::encode(sealed));
        response.decapsulate(&answer()).unwrap()
    } else {
        block_on(async {
            let sealed = Shared::default();
            let mut request = client.encapsulate_stream(AllowStdIo::new(sealed.clone())).unwrap();
            for part in encoded.chunks(1000) {
                request.write_all(part).await.unwrap();
            }
            request.close().await.unwrap();
            println!("{}", hex::encode(&*sealed.0.borrow()));
            let mut opened = Vec::new();
            request.response(&answer()[..]).unwrap().read_to_end(&mut opened).await.unwrap();
            opened
        })
    };
    let read = Message::read_bhttp(&mut Cursor::new(&response[..])).unwrap();
    println!("{}", read.control().status().unwrap().code());
    println!("{}", lines(read.header()));
    println!("{}", lines(read.trailer()));
    println!("{}", hex::encode(read.content()));
}
