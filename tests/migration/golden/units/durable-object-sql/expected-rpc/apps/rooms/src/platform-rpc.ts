// What rooms calls on its orchestrator, over RPC; the orchestrator's class with these methods is
// generated from the same statements. Change both together.

export type MemberRow = {
  name: string;
  joined_at: string;
  colour: string | null;
  posts: number;
};

export type MessageRow = {
  id: number;
  author: string;
  text: string;
  at: string;
  edited_at: string | null;
  score: number | null;
};

export type FindMessageRow = {
  messages: number;
  mean: number | null;
};

/** The methods of the orchestrator's entrypoint. */
export interface RoomsRpc {
  upsertMember<Row = MemberRow>(name: string, joinedAt: string, colour: string | null): Promise<Row>;
  listMembers<Row = MemberRow>(): Promise<Row[]>;
  listMemberNames<Row = (string | number | ArrayBuffer | null)[]>(): Promise<Row[]>;
  post(author: string, text: string, at: string, score: number | null | undefined): Promise<number>;
  listMessages<Row = MessageRow>(id: number): Promise<Row[]>;
  updateMessage<Row = MessageRow>(text: string, editedAt: string | null, id: number): Promise<Row[]>;
  deleteMessage(id: number): Promise<number>;
  findMessage<Row = FindMessageRow>(): Promise<Row>;
}
