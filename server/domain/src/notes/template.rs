//! The template of a project's notes: for each audience a heading, an introduction, and which sections there are under
//! which headings, in which order. A section that is not named is left out.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Audience;

/// The longest heading, in bytes.
const HEADING_BYTES_MAX: usize = 200;
/// The longest introduction, in bytes.
const INTRODUCTION_BYTES_MAX: usize = 4_000;

/// What a section is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SectionKind {
    /// How much changed.
    Summary,
    /// Work items with their notes and paths, and who asked for and did them.
    Items,
    /// What users will notice, in the words of the work items.
    Impact,
    /// Paths by folder, with who made what is there.
    Folders,
    /// Addresses with content, type, size and dimensions before and after.
    Addresses,
    Parameters,
    Access,
}

/// A section of notes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SectionTemplate {
    pub section: SectionKind,
    pub heading: String,
}

/// How notes for an audience look.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AudienceTemplate {
    /// Stands before the title of what the notes are about.
    pub heading: String,
    /// Plain text below the heading; empty for none.
    #[serde(default)]
    pub introduction: String,
    /// Whether the heading names the release by its number, and lines name work items by theirs.
    #[serde(default)]
    pub shows_numbers: bool,
    pub sections: Vec<SectionTemplate>,
}

/// How a project's notes look.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NotesTemplate {
    pub editors: AudienceTemplate,
    pub platforms: AudienceTemplate,
    pub users: AudienceTemplate,
}

/// A template that can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTemplate {
    #[error("the notes for {0} have no section; name at least one")]
    NoSection(Audience),
    #[error("the notes for {0} have the section {1:?} twice; name it once")]
    Twice(Audience, SectionKind),
    #[error("a heading of the notes for {0} is empty, longer than {HEADING_BYTES_MAX} bytes or more than one line")]
    Heading(Audience),
    #[error("the introduction of the notes for {0} is longer than {INTRODUCTION_BYTES_MAX} bytes; shorten it")]
    Introduction(Audience),
    #[error("a text of the notes for {0} has a NUL character; remove it")]
    Nul(Audience),
}

impl Default for NotesTemplate {
    fn default() -> Self {
        let sections = |sections: &[(SectionKind, &str)]| {
            let section = |(section, heading): &(SectionKind, &str)| SectionTemplate {
                section: *section,
                heading: (*heading).into(),
            };
            sections.iter().map(section).collect()
        };
        let audience = |heading: &str, shows_numbers, parts: &[(SectionKind, &str)]| AudienceTemplate {
            heading: heading.into(),
            introduction: String::new(),
            shows_numbers,
            sections: sections(parts),
        };
        let editors = [
            (SectionKind::Summary, "Summary"),
            (SectionKind::Items, "Work items"),
            (SectionKind::Folders, "Changes by folder"),
            (SectionKind::Parameters, "Parameters"),
            (SectionKind::Access, "Access"),
        ];
        let platforms = [
            (SectionKind::Summary, "Summary"),
            (SectionKind::Addresses, "Addresses"),
            (SectionKind::Parameters, "Parameters"),
            (SectionKind::Access, "Access"),
        ];
        Self {
            editors: audience("Release notes for editors", true, &editors),
            platforms: audience("Release notes for web platforms", true, &platforms),
            users: audience("What is new", false, &[(SectionKind::Impact, "What you will notice")]),
        }
    }
}

impl NotesTemplate {
    /// How the notes for an audience look.
    pub const fn of(&self, audience: Audience) -> &AudienceTemplate {
        match audience {
            Audience::Editors => &self.editors,
            Audience::Platforms => &self.platforms,
            Audience::Users => &self.users,
        }
    }

    /// The template, if it can be used.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn checked(self) -> Result<Self, InvalidTemplate> {
        for audience in Audience::ALL {
            let AudienceTemplate { heading, introduction, sections, .. } = self.of(audience);
            if sections.is_empty() {
                return Err(InvalidTemplate::NoSection(audience));
            }
            let mut seen = BTreeSet::new();
            if let Some(twice) = sections.iter().find(|section| !seen.insert(section.section)) {
                return Err(InvalidTemplate::Twice(audience, twice.section));
            }
            let headings = || sections.iter().map(|section| &section.heading).chain([heading]);
            if headings().chain([introduction]).any(|text| text.contains('\0')) {
                return Err(InvalidTemplate::Nul(audience));
            }
            let is_wrong =
                |text: &String| text.trim().is_empty() || text.len() > HEADING_BYTES_MAX || text.contains(['\n', '\r']);
            if headings().any(is_wrong) {
                return Err(InvalidTemplate::Heading(audience));
            }
            if introduction.len() > INTRODUCTION_BYTES_MAX {
                return Err(InvalidTemplate::Introduction(audience));
            }
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_can_be_used_and_are_read_as_they_are_written() {
        let template = NotesTemplate::default().checked().unwrap();
        let text = serde_json::to_string(&template).unwrap();
        assert_eq!(serde_json::from_str::<NotesTemplate>(&text).unwrap(), template);
    }

    #[test]
    fn a_template_that_makes_no_sense_is_refused() {
        let with = |change: fn(&mut AudienceTemplate)| {
            let mut template = NotesTemplate::default();
            change(&mut template.users);
            template.checked().unwrap_err()
        };
        assert_eq!(with(|users| users.sections.clear()), InvalidTemplate::NoSection(Audience::Users));
        let twice = with(|users| users.sections.push(users.sections[0].clone()));
        assert_eq!(twice, InvalidTemplate::Twice(Audience::Users, SectionKind::Impact));
        for heading in ["", " ", "a\nb", &"x".repeat(HEADING_BYTES_MAX + 1)] {
            let mut template = NotesTemplate::default();
            template.users.heading = heading.to_owned();
            assert_eq!(template.checked(), Err(InvalidTemplate::Heading(Audience::Users)), "{heading:?}");
        }
        assert_eq!(with(|users| users.introduction = "a\0".into()), InvalidTemplate::Nul(Audience::Users));
        let long = with(|users| users.introduction = "x".repeat(INTRODUCTION_BYTES_MAX + 1));
        assert_eq!(long, InvalidTemplate::Introduction(Audience::Users));
        assert!(serde_json::from_str::<NotesTemplate>("{}").is_err());
    }
}
