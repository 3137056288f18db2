// SPDX-License-Identifier: GPL-2.0

//! The procedural macros that the sources use, as far as they use them.

use proc_macro::{
    Delimiter,
    Group,
    Punct,
    Spacing,
    TokenStream,
    TokenTree, //
};

/// Changes what is within braces.
fn in_braces(stream: TokenStream, change: fn(TokenStream) -> TokenStream) -> TokenStream {
    stream
        .into_iter()
        .map(|token| match token {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                Group::new(Delimiter::Brace, change(group.stream())).into()
            }
            token => token,
        })
        .collect()
}

/// Replaces `first` and `second`, where one follows the other, by `new`.
fn replace(stream: TokenStream, first: &str, second: &str, new: Option<Punct>) -> TokenStream {
    let mut tokens = stream.into_iter().peekable();
    let mut replaced = TokenStream::new();

    while let Some(token) = tokens.next() {
        let found = token.to_string() == first
            && tokens.next_if(|next| next.to_string() == second).is_some();
        if found {
            replaced.extend(new.clone().map(TokenTree::from));
        } else {
            replaced.extend([token]);
        }
    }
    replaced
}

/// The type as it stands, but for the `#[pin]` of fields.
#[proc_macro_attribute]
pub fn pin_data(_: TokenStream, item: TokenStream) -> TokenStream {
    in_braces(item, |fields| replace(fields, "#", "[pin]", None))
}

/// A closure that makes the value. Whether that moves later makes no difference to loom.
#[proc_macro]
pub fn pin_init(value: TokenStream) -> TokenStream {
    let mut closure: TokenStream = "move ||".parse().unwrap();

    closure.extend(in_braces(value, |fields| {
        replace(fields, "<", "-", Some(Punct::new(':', Spacing::Alone)))
    }));
    closure
}

/// Nothing: what KUnit tests rely on is not here.
#[proc_macro_attribute]
pub fn kunit_tests(_: TokenStream, _: TokenStream) -> TokenStream {
    TokenStream::new()
}
