/** The editor of the SQL page: loaded when the page is opened, and not before. */
import { autocompletion, closeBrackets, completionKeymap } from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { sql, StandardSQL } from '@codemirror/lang-sql';
import { bracketMatching, HighlightStyle, syntaxHighlighting } from '@codemirror/language';
import { Compartment, EditorState, Prec, type Extension } from '@codemirror/state';
import { drawSelection, EditorView, highlightSpecialChars, keymap, lineNumbers, placeholder } from '@codemirror/view';
import { tags } from '@lezer/highlight';
import { useEffect, useRef } from 'react';

export interface SqlEditorProps { value: string; label: string; hint: string; tables: Record<string, string[]>; error: number | null; onChange: (value: string) => void; onRun: () => void }

/** Grey as the rest of the page: words of the language are strong, texts and numbers are told by shape, not by colour. */
const look = EditorView.theme({
  '&': { backgroundColor: 'var(--card-raised)', color: 'var(--mantine-color-text)', fontSize: '14px', border: '1px solid var(--mantine-color-default-border)' },
  '&.cm-focused': { outline: '2px solid var(--mantine-color-text)', outlineOffset: '1px' },
  '.cm-scroller': { fontFamily: 'var(--mantine-font-family-monospace)', minHeight: '132px', maxHeight: '40vh', lineHeight: '1.5' },
  '.cm-content': { caretColor: 'var(--mantine-color-text)', padding: '8px 0' },
  '.cm-cursor': { borderLeftColor: 'var(--mantine-color-text)', borderLeftWidth: '2px' },
  '.cm-gutters': { backgroundColor: 'var(--card)', color: 'var(--mantine-color-dimmed)', border: 'none', borderRight: '1px solid var(--line-soft)' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': { backgroundColor: 'var(--track)' },
  '.cm-matchingBracket, &.cm-focused .cm-matchingBracket': { backgroundColor: 'var(--track)', outline: '1px solid var(--line)' },
  '.cm-placeholder': { color: 'var(--mantine-color-placeholder)' },
  '.cm-tooltip': { backgroundColor: 'var(--card-raised)', color: 'var(--mantine-color-text)', border: '1px solid var(--line)' },
  '.cm-tooltip-autocomplete ul li[aria-selected]': { backgroundColor: 'var(--bar-strong)', color: 'var(--card-raised)' },
});
const words = HighlightStyle.define([
  { tag: tags.keyword, fontWeight: '700' },
  { tag: [tags.string, tags.special(tags.string)], fontStyle: 'italic' },
  { tag: tags.comment, color: 'var(--mantine-color-dimmed)', fontStyle: 'italic' },
  { tag: tags.typeName, fontWeight: '600' },
]);
const language = (tables: Record<string, string[]>): Extension => sql({ dialect: StandardSQL, schema: tables, upperCaseKeywords: true });

export default function SqlEditor({ value, label, hint, tables, error, onChange, onRun }: SqlEditorProps) {
  const place = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const known = useRef(new Compartment());
  const latest = useRef({ onChange, onRun });
  latest.current = { onChange, onRun };
  useEffect(() => {
    if (!place.current) return undefined;
    const run = Prec.highest(keymap.of([{ key: 'Mod-Enter', run: () => (latest.current.onRun(), true) }]));
    const state = EditorState.create({
      doc: value,
      extensions: [
        run, lineNumbers(), history(), drawSelection(), highlightSpecialChars(), bracketMatching(), closeBrackets(), autocompletion({ icons: false }), EditorView.lineWrapping, placeholder(hint), look, syntaxHighlighting(words),
        keymap.of([...completionKeymap, ...historyKeymap, ...defaultKeymap]), // Tab leaves the editor, as everywhere on the page
        EditorView.contentAttributes.of({ 'aria-label': label }),
        EditorView.updateListener.of((update) => update.docChanged && latest.current.onChange(update.state.doc.toString())),
        known.current.of(language(tables)),
      ],
    });
    const made = new EditorView({ state, parent: place.current });
    view.current = made;
    return () => made.destroy();
    // the text of the document is the editor's from here on; labels change with the language
  }, [label, hint]); // eslint-disable-line
  useEffect(() => view.current?.dispatch({ effects: known.current.reconfigure(language(tables)) }), [tables]);
  useEffect(() => {
    const at = view.current;
    if (at && at.state.doc.toString() !== value) at.dispatch({ changes: { from: 0, to: at.state.doc.length, insert: value } });
  }, [value]);
  useEffect(() => {
    const at = view.current;
    if (at && error !== null && error <= at.state.doc.length) at.dispatch({ selection: at.state.wordAt(error) ?? { anchor: error }, scrollIntoView: true });
  }, [error]);
  return <div ref={place} data-editor />;
}
