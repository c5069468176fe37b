//! The filter of the checklist: which lines the address asks for.
//!
//! Its law: the address says it all (`/?standing=failing&severity=critical&q=tls`), so that a filter
//! can be kept and sent around, and works without scripts. Words that mean nothing here filter
//! nothing, and the page says so.

use url::form_urlencoded::{Serializer, parse};

use crate::model::item::Severity;
use crate::model::judgement::legible;
use crate::model::standing::Standing;

/// The longest text that is searched for, in characters.
const LONGEST_TEXT: usize = 100;
/// The most words that mean nothing, each of so many characters, that are told.
const MOST_STRANGE: (usize, usize) = (5, 40);
/// The severities, the worst first.
const SEVERITIES: [Severity; 3] = [Severity::Critical, Severity::Warning, Severity::Info];

/// Which lines are asked for; an empty part asks for all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    standings: Vec<Standing>,
    severities: Vec<Severity>,
    text: String,
    /// Words that mean nothing here.
    strange: Vec<String>,
}

/// What a line is found by.
pub(super) struct Traits<'a> {
    pub(super) standing: Standing,
    pub(super) severity: Severity,
    /// Every text of the line that may be searched.
    pub(super) texts: &'a [&'a str],
}

/// A severity that can be asked for.
pub(super) struct Choice {
    pub(super) word: &'static str,
    pub(super) asked: bool,
    /// The address with this choice taken, or given up where it is taken.
    pub(super) address: String,
}

impl Filter {
    /// Reads the query of an address. Several words of one part stand side by side, with commas or
    /// each in a parameter of its own.
    pub fn read(query: &str) -> Self {
        let mut filter = Self::default();
        for (name, value) in parse(query.as_bytes()) {
            match &*name {
                "standing" => value.split(',').for_each(|word| {
                    let known = Standing::ALL.into_iter().find(|known| known.label() == word);
                    filter.add(word, known, |filter| &mut filter.standings);
                }),
                "severity" => value.split(',').for_each(|word| {
                    let known = SEVERITIES.into_iter().find(|known| known.label() == word);
                    filter.add(word, known, |filter| &mut filter.severities);
                }),
                "q" => legible(value.trim(), LONGEST_TEXT).clone_into(&mut filter.text),
                _ => {}
            }
        }
        filter
    }

    /// Takes a word in, where it is known.
    fn add<T: PartialEq>(
        &mut self,
        word: &str,
        known: Option<T>,
        to: fn(&mut Self) -> &mut Vec<T>,
    ) {
        let (most, longest) = MOST_STRANGE;
        match known {
            Some(known) if !to(self).contains(&known) => to(self).push(known),
            None if !word.is_empty() && self.strange.len() < most => {
                self.strange.push(legible(word, longest));
            }
            Some(_) | None => {}
        }
    }

    /// Whether anything is left out at all.
    pub(super) fn is_on(&self) -> bool {
        let Self { standings, severities, text, strange: _ } = self;
        !(standings.is_empty() && severities.is_empty() && text.is_empty())
    }

    /// What is to be said of words that mean nothing here, and so filter nothing.
    pub(super) fn doubts(&self) -> Option<String> {
        if self.strange.is_empty() {
            return None;
        }
        let strange = self.strange.join("`, `");
        let standings = Standing::ALL.map(Standing::label).join(", ");
        let severities = SEVERITIES.map(Severity::label).join(", ");
        Some(format!(
            "Nothing is filtered by `{strange}`. A standing is one of {standings}; a severity is \
             one of {severities}."
        ))
    }

    /// The text that is searched for.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Whether a line is asked for: its standing and its severity are among those named, and every
    /// word of the text stands somewhere in its own.
    pub(super) fn admits(&self, traits: &Traits<'_>) -> bool {
        let Traits { standing, severity, texts } = traits;
        let among = self.standings.is_empty() || self.standings.contains(standing);
        let grave = self.severities.is_empty() || self.severities.contains(severity);
        among && grave && self.finds(texts)
    }

    fn finds(&self, texts: &[&str]) -> bool {
        if self.text.is_empty() {
            return true;
        }
        let all = texts.join(" ").to_lowercase();
        self.text.to_lowercase().split_whitespace().all(|word| all.contains(word))
    }

    /// Whether this standing is asked for by name.
    pub(super) fn asks_for(&self, standing: Standing) -> bool {
        self.standings.contains(&standing)
    }

    /// The address with this standing asked for, or no longer where it is.
    pub(super) fn toggled(&self, standing: Standing) -> String {
        let mut other = self.clone();
        toggle(&mut other.standings, standing);
        other.address()
    }

    /// The severities as choices, the worst first.
    pub(super) fn severities(&self) -> Vec<Choice> {
        let choice = |severity: Severity| {
            let mut other = self.clone();
            toggle(&mut other.severities, severity);
            let asked = self.severities.contains(&severity);
            Choice { word: severity.label(), asked, address: other.address() }
        };
        SEVERITIES.into_iter().map(choice).collect()
    }

    /// The address of the checklist under this filter, from the checklist.
    fn address(&self) -> String {
        let Self { standings, severities, text, strange: _ } = self;
        let mut query = Serializer::new(String::new());
        for standing in standings {
            query.append_pair("standing", standing.label());
        }
        for severity in severities {
            query.append_pair("severity", severity.label());
        }
        if !text.is_empty() {
            query.append_pair("q", text);
        }
        match query.finish().as_str() {
            "" => "./".to_owned(),
            query => format!("./?{query}"),
        }
    }
}

fn toggle<T: PartialEq>(words: &mut Vec<T>, word: T) {
    match words.iter().position(|known| *known == word) {
        Some(at) => drop(words.remove(at)),
        None => words.push(word),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admits(query: &str) -> bool {
        Filter::read(query).admits(&Traits {
            standing: Standing::Failing,
            severity: Severity::Critical,
            texts: &["tls-certificates", "Certificates are issued", "expires in 3d, É"],
        })
    }

    #[test]
    fn a_line_is_found_by_all_that_is_asked_for() {
        for query in [
            "",
            "standing=failing",
            "standing=passing,failing",
            "standing=passing&standing=failing",
            "standing=failing&severity=critical&q=tls",
            "q=ISSUED+tls",
            "q=%C3%A9",
            "q=++",
            "standing=nonsense&x=y",
        ] {
            assert!(admits(query), "{query}");
        }
        for query in
            ["standing=passing", "standing=failing&severity=info", "q=dns", "q=tls+dns", "q=tlsx"]
        {
            assert!(!admits(query), "{query}");
        }
    }

    #[test]
    fn an_address_leads_to_what_it_was_made_of() {
        let filter = Filter::read("standing=failing,unknown&severity=info&q=a%26b%22+c");
        assert_eq!(Filter::read(filter.address().trim_start_matches("./?")), filter);
        assert_eq!(Filter::read("q=").address(), "./");
        assert_eq!(Filter::read("standing=failing").toggled(Standing::Failing), "./");
        assert_eq!(
            Filter::read("standing=failing").toggled(Standing::Unknown),
            "./?standing=failing&standing=unknown"
        );
        assert_eq!(Filter::default().severities()[0].address, "./?severity=critical");
    }

    #[test]
    fn of_words_that_mean_nothing_it_is_said_that_they_filter_nothing() {
        let filter = Filter::read("standing=bogus,failing,&severity=%3Cb%3E&colour=red");
        let said = filter.doubts().unwrap();
        assert!(said.starts_with("Nothing is filtered by `bogus`, `<b>`. "), "{said}");
        assert!(said.contains("one of pending, passing,") && said.contains("critical"), "{said}");
        assert!(!Filter::read("standing=bogus").is_on());
        assert_eq!(Filter::read("standing=failing&severity=info&q=x").doubts(), None);
        let many = Filter::read(&format!("standing={}", "x,".repeat(10_000))).doubts().unwrap();
        assert!(many.len() < 500, "{many}");
    }

    #[test]
    fn what_is_searched_for_is_bounded() {
        let filter = Filter::read(&format!("q={}", "x".repeat(100_000)));
        assert!(filter.text().chars().count() <= LONGEST_TEXT + 1);
    }
}
