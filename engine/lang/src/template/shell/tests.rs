use super::{
    reader::here::{HERE, NO_END},
    reader::{BACKSLASH, BACKTICKS, BRACES, CALCULATION, CASE, DOLLAR_QUOTE},
    *,
};

/// A value that no shell takes for harmless; `$v` stands for the variable that it is put into.
const EVIL: &str = "a'; rm $x";

fn marked(text: &str) -> String {
    let mut marked = String::new();
    for (at, part) in text.split('@').enumerate() {
        if at > 0 {
            marked.push_str(&format!("{MARK}{}{MARK_END}", at - 1));
        }
        marked.push_str(part);
    }
    marked
}

fn filled_with(text: &str, value: &str) -> Result<String, String> {
    let values = vec![value.to_owned(); text.matches('@').count()];
    filled(&marked(text), &values).map_err(|(_, why)| why)
}

#[test]
fn harmless_values_stand_where_they_are_written() {
    for (text, wanted) in [
        ("echo @", "echo 'two words'"),
        ("echo '@'", "echo 'two words'"),
        ("echo \"@\"", "echo \"two words\""),
        ("echo \"$(cat @)\"", "echo \"$(cat 'two words')\""),
        ("true # @", "true # two words"),
        ("x=@; echo \"$x\"", "x='two words'; echo \"$x\""),
    ] {
        assert_eq!(filled_with(text, "two words").as_deref(), Ok(wanted), "{text}");
    }
}

#[test]
fn other_values_are_variables_wherever_they_stand() {
    for (text, wanted) in [
        ("echo @", "echo \"$v\""),
        ("echo '@'", "echo ''\"$v\"''"),
        ("echo \"@\"", "echo \"$v\""),
        ("echo \"$(cat @)\"", "echo \"$(cat \"$v\")\""),
        ("true # @", "true # $v"),
        ("cat <<E\n@\nE\n", "cat <<E\n$v\nE\n"),
        ("cat <<E\n$(cat @)\nE\n", "cat <<E\n$(cat \"$v\")\nE\n"),
        ("cat <<'E'\n@ $HOME\nE\n", "cat <<END\n$v \\$HOME\nEND\n"),
        ("cat <<-\\E > f\n\t\"@\"\n\tE\n", "cat <<-END > f\n\t\"$v\"\n\tEND\n"),
    ] {
        let wanted = format!("value_0='a'\\''; rm $x'; {}", wanted.replace("$v", "${value_0}"));
        assert_eq!(filled_with(text, EVIL).as_deref(), Ok(wanted.as_str()), "{text}");
    }
    assert_eq!(filled_with("echo $value_0 @", "*").as_deref(), Ok("value__0='*'; echo $value_0 \"${value__0}\""));
}

#[test]
fn a_dollar_before_a_value_is_a_dollar() {
    assert_eq!(filled_with("echo $@", "HOME").as_deref(), Ok("echo \\$'HOME'"));
    assert_eq!(filled_with("echo \"costs $@\"", "5").as_deref(), Ok("echo \"costs \\$5\""));
    assert_eq!(filled_with("cat <<E\n$@\nE\n", "5").as_deref(), Ok("value_0='5'; cat <<E\n\\$${value_0}\nE\n"));
    assert_eq!(filled_with("cat <<'E'\n$@\nE\n", "5").as_deref(), Ok("value_0='5'; cat <<END\n\\$${value_0}\nEND\n"));
}

#[test]
fn only_whole_numbers_stand_where_the_shell_calculates() {
    for text in [
        "echo $((@ + 1))",
        "((@ > 1)) && echo",
        "[[ @ -eq 1 ]]",
        "[[ -n x && 1 -lt @ ]]",
        "let x=@",
        "declare -i n=@",
        "test -v @",
        "a[@]=1",
        "unset 'a[@]'",
        "cat <<E\n$((@))\nE\n",
        "echo >&@",
    ] {
        assert_eq!(filled_with(text, "x[$(id)]"), Err(CALCULATION.to_owned()), "{text}");
        assert!(filled_with(text, "-4").is_ok(), "{text}");
        assert!(filled_with(text, "010").is_err(), "{text}: octal");
    }
    for text in ["[[ @ == a ]]", "[ @ = a ]", "grep [@] f", "echo a[@]"] {
        assert!(filled_with(text, EVIL).is_ok(), "{text}");
    }
}

#[test]
fn where_nothing_is_certain_no_value_stands() {
    for (text, why) in [
        ("echo `cat @`", BACKTICKS),
        ("echo \"`cat '@'`\"", BACKTICKS),
        ("echo ${x:-@}", BRACES),
        ("echo $\\\n{x:-@}", BRACES),
        ("echo \"${x:-\"a\"}\" @", BRACES),
        ("echo \\@", BACKSLASH),
        ("echo \"\\@\"", BACKSLASH),
        ("echo $'a' @", DOLLAR_QUOTE),
        ("echo $[ @ ]", CALCULATION),
        ("x=\"$(case a in a) echo \"@\" ;; esac)\"", CASE),
        ("cat <<@\n", HERE),
        ("cat <<E @\nx\nE@\n", NO_END),
    ] {
        assert_eq!(filled_with(text, "v"), Err(why.to_owned()), "{text}");
    }
}

#[test]
fn comments_are_those_of_a_shell() {
    let places = |text: &str| read(&marked(text)).values.into_iter().map(|found| found.place).collect::<Vec<_>>();
    assert_eq!(places("echo a\\\n#@"), [Place::Word]);
    assert_eq!(places("echo a#@"), [Place::Word]);
    assert_eq!(places("echo >#@"), [Place::Comment]);
    assert_eq!(places("echo '#'@ #@\n@"), [Place::Word, Place::Comment, Place::Word]);
}

#[test]
fn what_another_shell_runs_takes_no_values() {
    for (text, why) in [
        ("sh -c \"echo @\"", programs::SHELL_CODE),
        ("sh -c 'echo @'", programs::SHELL_CODE),
        ("sudo -u me /bin/bash -euo pipefail -c \"echo @\"", programs::SHELL_CODE),
        ("env A=1 'ba'sh -lc @", programs::SHELL_CODE),
        ("find . -exec sh -c 'echo @' \\;", programs::SHELL_CODE),
        ("docker exec it sh -c \"echo $(cat @)\"", programs::SHELL_CODE),
        ("su root -c @", programs::SHELL_CODE),
        ("\"$SHELL\" -c @", programs::SHELL_CODE),
        ("$SHELL -c @", programs::UNKNOWN),
        ("$()eval @", programs::UNKNOWN),
        ("sh -c $code @", programs::UNKNOWN),
        ("sh $options @", programs::UNKNOWN),
        ("eval bash <<< @", programs::READ),
        ("if true; then sh -c @; fi", programs::SHELL_CODE),
        ("x=\"$(sh -c @)\"", programs::SHELL_CODE),
        ("eval \"echo @\"", programs::RUN),
        ("A=1 eval echo \"$(printf %s @)\"", programs::RUN),
        ("trap 'rm @' EXIT", programs::RUN),
        ("ssh -p 22 me@host cat @", programs::REMOTE),
        ("echo @ | sh", programs::READ),
        ("echo @ | tr a b | bash -s", programs::READ),
        ("{ echo @; echo b; } | sh", programs::READ),
        ("(echo @; echo b) | sh", programs::READ),
        ("sh <<E\necho @\nE\n", programs::READ),
        ("cat <<'E' | sh\necho @\nE\n", programs::READ),
        ("bash <<< \"echo @\"", programs::READ),
        ("sh -c bash <<< @", programs::READ),
        ("echo @ | xargs -I{} sh -c 'echo {}'", programs::READ),
        ("echo @ | xargs sh -c", programs::READ),
        ("echo @ | sh$(true)", programs::READ),
        ("echo @ | \"$SHELL\"", programs::READ),
        ("$x bash <<< @", programs::READ),
        ("${x:-sh -c }@", programs::UNKNOWN),
        ("ssh host <<E\necho @\nE\n", programs::READ),
    ] {
        let text = text.replace("me@host", "me.host");
        assert_eq!(filled_with(&text, "v"), Err(why.to_owned()), "{text}");
    }
    for text in [
        "sh -c 'echo \"$1\"' sh @",
        "sh script.sh @",
        "bash -e script.sh @ < @",
        "which bash @",
        "grep -c @ sh",
        "echo @; echo b | sh",
        "ssh @ uptime",
        "\"$PYTHON\" script.py @",
        "echo > @ 2>> @ &> @",
        "echo @ | sort",
        "echo 'sh -c' @",
    ] {
        assert!(filled_with(text, EVIL).is_ok(), "{text}");
    }
}

#[test]
fn code_of_other_languages_is_named() {
    let languages = |text: &str| read(&marked(text)).values.into_iter().map(|found| found.code_of).collect::<Vec<_>>();
    assert_eq!(languages("python3 -c 'print(\"@\")' @"), [Some("python3"), None]);
    assert_eq!(languages("python -m json.tool -c @"), [None]);
    assert_eq!(languages("node --eval=@"), [Some("node")]);
    assert_eq!(languages("perl -ne 'print @' f"), [Some("perl")]);
    assert_eq!(languages("awk -F, '{ print @ }' @"), [Some("awk"), None]);
    assert_eq!(languages("python script.py -c @"), [None]);
}
