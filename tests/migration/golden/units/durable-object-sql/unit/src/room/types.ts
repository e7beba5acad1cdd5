export type Member = {
  name: string;
  joined_at: string;
  colour: string | null;
  posts: number;
};

export type Message = {
  id: number;
  author: string;
  text: string;
  at: string;
  edited_at: string | null;
  score: number | null;
};
