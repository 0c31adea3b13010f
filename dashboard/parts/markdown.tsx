// A page of the manual.
import type { ComponentChildren, FunctionComponent } from "preact";
import { anchorOf, blocksOf, inlinesOf, type Block, type Inline } from "../data/markdown.ts";
import { address } from "../data/route.ts";

export function Markdown({ text }: { readonly text: string }) {
  return (
    <article class="manual">
      {blocksOf(text).map((block) => (
        <BlockPart block={block} />
      ))}
    </article>
  );
}

function BlockPart({ block }: { readonly block: Block }) {
  switch (block.kind) {
    case "heading": {
      const Tag = `h${block.level}` as "h1";
      return (
        <Tag id={anchorOf(block.text)}>
          <Inlines text={block.text} />
        </Tag>
      );
    }
    case "paragraph":
      return (
        <p>
          <Inlines text={block.text} />
        </p>
      );
    case "code":
      return <pre>{block.text}</pre>;
    case "list": {
      const items = block.items.map((item) => (
        <li>
          <Inlines text={item} />
        </li>
      ));
      return block.isOrdered ? <ol>{items}</ol> : <ul>{items}</ul>;
    }
    case "table":
      return <TablePart head={block.head} rows={block.rows} />;
    default:
      return block satisfies never;
  }
}

type TableBlock = Extract<Block, { readonly kind: "table" }>;

function TablePart({ head, rows }: Pick<TableBlock, "head" | "rows">) {
  return (
    <div class="scroll" role="region" aria-label={head.join(", ")} tabIndex={0}>
      <table class="prose">
        <thead>
          <tr>
            {head.map((cell) => (
              <th class="t" scope="col">
                <Inlines text={cell} />
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr>
              {row.map((cell) => (
                <td class="t">
                  <Inlines text={cell} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Inlines({ text }: { readonly text: string }) {
  return (
    <>
      {inlinesOf(text).map((part) => (
        <InlinePart part={part} />
      ))}
    </>
  );
}

function InlinePart({ part }: { readonly part: Inline }): ComponentChildren {
  switch (part.kind) {
    case "text":
      return part.text;
    case "code":
      return <code>{part.text}</code>;
    case "strong":
      return <b>{part.text}</b>;
    case "em":
      return <em>{part.text}</em>;
    case "link":
      return <ManualLink text={part.text} to={part.to} />;
    default:
      return part satisfies never;
  }
}

/** Links between pages of the manual lead to pages of the dashboard; files of the source have none here. */
const ManualLink: FunctionComponent<{ readonly text: string; readonly to: string }> = (link) => {
  const { to } = link;
  const text = <Inlines text={link.text} />;
  const [, name, anchor = ""] = /^([\w-]+)\.md(#.*)?$/.exec(to) ?? [];
  if (name !== undefined) return <a href={`${address("help", { page: name })}${anchor}`}>{text}</a>;
  if (to.startsWith("#")) return <a href={`${location.search}${to}`}>{text}</a>;
  if (/^https?:\/\//.test(to)) {
    return (
      <a href={to} target="_blank" rel="noreferrer">
        {text}
      </a>
    );
  }
  return <span>{text}</span>;
};
