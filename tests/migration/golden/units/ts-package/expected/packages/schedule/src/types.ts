export interface Moment {
  minute: number;
  hour: number;
}

export interface Schedule {
  name: string;
  matches(moment: Moment): boolean;
}
