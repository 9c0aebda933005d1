use super::*;

fn redactor(secrets: &[(&str, &str)]) -> Redactor {
    let redactor = Redactor::default();
    redactor.learn(secrets.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    redactor
}

#[test]
fn secrets_are_replaced_by_their_names() {
    let redactor = redactor(&[("token", "hunter2-and-more"), ("short", "abc"), ("pin", "123456")]);
    assert_eq!(redactor.text("a hunter2-and-more b"), "a [secret token] b");
    assert_eq!(redactor.text("aHVudGVyMi1hbmQtbW9yZQ=="), "[secret token]");
    assert_eq!(redactor.text("abc"), "abc");
    let mut value = json!({"hunter2-and-more": [1, "x hunter2-and-more", 123_456, 1_234_567, true]});
    assert!(redactor.value(&mut value));
    assert_eq!(value, json!({"[secret token]": [1, "x [secret token]", "[secret pin]", 1_234_567, true]}));
    assert!(!redactor.value(&mut value));
}

#[test]
fn the_longest_secret_counts() {
    let redactor = redactor(&[("one", "secret-1"), ("two", "secret-1-and-2")]);
    assert_eq!(redactor.text("secret-1 secret-1-and-2"), "[secret one] [secret two]");
}

#[test]
fn a_token_that_holds_a_secret_is_hidden_whole() {
    let redactor = redactor(&[("part", "abcdefgh")]);
    assert_eq!(redactor.text("x ghp_abcdefgh0123456789abcdefgh0123456789 y"), "x [secret part] y");
}

#[test]
fn a_secret_where_a_text_was_cut_is_hidden_as_far_as_it_is_there() {
    let redactor = redactor(&[("token", "hunter2-and-more")]);
    let fill = "x".repeat(300);
    assert_eq!(
        redactor.text(&format!("{fill} hunter2-an\n[99 bytes left out]\nnd-more {fill} hunt")),
        format!("{fill} [secret token]\n[99 bytes left out]\n[secret token] {fill} [secret token]")
    );
}

#[test]
fn a_stream_hides_what_stands_in_two_pieces_and_holds_back_no_more_than_it_must() {
    let redactor = Arc::new(redactor(&[("token", "hunter2-and-more")]));
    let text = "one\nhunter2-and-more hunter2-and-less ghp_abcdefgh0123456789abcdefgh0123456789\nend";
    let clean = "one\n[secret token] hunter2-and-less [secret GitHub token]\nend";
    for size in 1..text.len() {
        let mut passage = Passage::new(Arc::clone(&redactor));
        let pieces = text.as_bytes().chunks(size).map(|piece| std::str::from_utf8(piece).expect("ASCII"));
        let told: String = pieces.map(|piece| passage.push(piece)).collect();
        assert_eq!(told + &passage.finish(), clean, "pieces of {size}");
    }
    let mut passage = Passage::new(redactor);
    assert_eq!(passage.push("ready\n"), "ready\n");
    assert_eq!(passage.push("a line hunt"), "a line ");
    assert_eq!(passage.push("ing\n"), "hunting\n");
}

#[test]
fn a_key_in_pieces_is_hidden() {
    let mut passage = Passage::new(Arc::default());
    let lines = ["a\n-----BEG", "IN PRIVATE KEY-----\nMIIE", "abc\n", "-----END PRIVATE", " KEY-----\nb\n"];
    let told: String = lines.iter().map(|line| passage.push(line)).collect();
    assert_eq!(told + &passage.finish(), "a\n[secret private key]\nb\n");
}

#[test]
fn the_engines_own_words_stay() {
    let redactor = redactor(&[("word", "completed")]);
    let known = redactor.known();
    let mut value = json!({"status": "completed", "result": "completed", "success": true});
    assert!(known.outcome(&mut value));
    assert_eq!(value, json!({"status": "completed", "result": "[secret word]", "success": true}));
}

#[test]
fn what_stands_for_a_secret_is_recognised() {
    assert!(is_marked("a [secret token] b"));
    assert!(!is_marked("a [secret] b"));
}
